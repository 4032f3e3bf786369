package metrics

import dto "github.com/prometheus/client_model/go"

// metric is one family of metrics.
type metric struct {
	name, help string
	kind       dto.MetricType
	labels     []string // in alphabetical order
	place      int      // in the table
}

// table is all of them, in the order of the documentation.
var table []*metric

func newMetric(kind dto.MetricType, name, help string, labels []string) *metric {
	m := &metric{"ncolony_" + name, help, kind, labels, len(table)}
	table = append(table, m)
	return m
}

func gauge(name, help string, labels ...string) *metric {
	return newMetric(dto.MetricType_GAUGE, name, help, labels)
}

func counter(name, help string, labels ...string) *metric {
	return newMetric(dto.MetricType_COUNTER, name, help, labels)
}

// The values of labels are names of services and words of this program, never
// what a service or a file of its says of itself.
const (
	byService = "service"
	byState   = "state"
	byKind    = "kind"
	byCheck   = "check"
	byStream  = "stream"
	byType    = "type"
)

// The colony as a whole.
var (
	up           = gauge("up", "Whether a supervisor runs the colony. While none does, nothing but this and the reading is told.")
	info         = gauge("info", "Always 1; the version is that of the supervisor.", "version")
	draining     = gauge("draining", "Whether the supervisor is about to end.")
	services     = gauge("services", "Services by state, helpers included.", byState)
	degradedNow  = gauge("degraded", "Things that do not work now: entries of degraded in state/colony.json.")
	badFiles     = gauge("bad_files", "Files in the config directory that can be no spec.")
	specErrors   = gauge("spec_errors", "Services whose spec file is bad as it is now; an earlier one may be in force.")
	panics       = counter("panics_total", "Internal errors that the supervisor has survived.")
	orphans      = counter("orphans_reaped_total", "Processes reaped that were no main process of a service.")
	unattributed = gauge("unattributed_processes", "Processes below the supervisor that belong to no service, at its last count.")
	events       = counter("events_total", "Events since these metrics are made, by type; other is one that is not known here.", byType)
)

// The supervisor's own process.
var (
	supervisorStart   = gauge("supervisor_start_time_seconds", "When the supervisor began, in unix time.")
	supervisorCPU     = counter("supervisor_cpu_seconds_total", "Processor time of the supervisor itself, user and system.")
	supervisorRSS     = gauge("supervisor_resident_memory_bytes", "Resident memory of the supervisor.")
	supervisorFDs     = gauge("supervisor_open_fds", "Descriptors that the supervisor has open in its own table.")
	supervisorThreads = gauge("supervisor_threads", "Threads of the supervisor.")
)

// Each service; helpers are services whose names begin with @.
var (
	state        = gauge("service_state", "1 for the state that the service is in; there is no series for the others.", byService, byState)
	ready        = gauge("service_ready", "Whether the service does its work, as far as is known.", byService)
	restarts     = counter("service_restarts_total", "Starts after the first, since the supervisor knows the service.", byService)
	start        = gauge("service_start_time_seconds", "When the current life began, in unix time.", byService)
	lastExit     = gauge("service_last_exit", "How the last life ended, by kind: its code, the number of the signal, oom (KILL by the kernel, for lack of memory); 0 with unknown and spawn_error.", byKind, byService)
	lastExitTime = gauge("service_last_exit_time_seconds", "When the last life ended, in unix time.", byService)
	cpu          = counter("service_cpu_seconds_total", "Processor time, user and system, of all processes of the service's lives since these metrics are made.", byService)
	rss          = gauge("service_resident_memory_bytes", "Resident memory of all processes of the current life; what they share counts for each.", byService)
	fds          = gauge("service_open_fds", "Descriptors that the processes of the current life have open.", byService)
	processes    = gauge("service_processes", "Processes of the current life.", byService)
)

// Services with a heartbeat.
var (
	heart      = gauge("service_heart", "1 for the state of the heart, as in state/heart; there is no series for the others.", byService, byState)
	lastBeat   = gauge("service_last_beat_time_seconds", "When the heartbeat file was changed last in this life, in unix time.", byService)
	beatPeriod = gauge("service_beat_period_seconds", "Time in which the heartbeat file has to change.", byService)
)

// Services with health checks. What was found out about an earlier life is not told.
var (
	probeOK   = gauge("service_probe_ok", "Whether the last check was good.", byCheck, byService)
	probeBad  = gauge("service_probe_bad", "Bad checks that are not forgotten.", byCheck, byService)
	probeTook = gauge("service_probe_duration_seconds", "How long the last check took.", byCheck, byService)
	probeTime = gauge("service_probe_time_seconds", "When the last check that is told of ended, in unix time.", byCheck, byService)
)

// Services whose output is captured.
var (
	logSize         = gauge("service_log_size_bytes", "Size on the disk of the output that is kept.", byService, byStream)
	logWritten      = counter("service_log_written_bytes_total", "Output that was kept, uncompressed: what there was when these metrics began, and what came since.", byService, byStream)
	logDroppedBytes = counter("service_log_dropped_bytes_total", "Output that was not kept, for the rate or because it could not be written.", byService, byStream)
	logDroppedLines = counter("service_log_dropped_lines_total", "Lines of output that were not kept.", byService, byStream)
)

// These metrics themselves.
var (
	readingTime   = gauge("reading_time_seconds", "When all this was read, in unix time.")
	readingTook   = gauge("reading_duration_seconds", "How long it took to read all this.")
	readingErrors = gauge("reading_errors", "What could not be read this time, and is therefore not told.", "what")
	omitted       = gauge("reading_services_omitted", "Services that are not told of one by one, because there are too many.")
)
