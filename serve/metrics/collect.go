package metrics

import (
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// Gather is for prometheus.Gatherer: it tells of a reading that is fresh.
func (e *Exporter) Gather() ([]*dto.MetricFamily, error) {
	return tellAll(e.reader.fresh()), nil
}

func tellAll(r *reading) []*dto.MetricFamily {
	t := teller{families: make([]*dto.MetricFamily, len(table)), pairs: map[[2]string]*dto.LabelPair{}}
	for i, m := range table {
		t.families[i] = &dto.MetricFamily{Name: &m.name, Help: &m.help, Type: &m.kind}
	}
	t.flag(up, r.up)
	t.reading(r)
	if r.up {
		t.colony(r)
		for i := range r.services {
			t.service(&r.services[i])
		}
	}
	return slices.DeleteFunc(t.families, func(f *dto.MetricFamily) bool { return len(f.Metric) == 0 })
}

// teller makes families of metrics. There may be hundreds of thousands of
// metrics: that is why it does not go through a registry, which looks at each
// again, and why it takes memory for many at once.
type teller struct {
	families []*dto.MetricFamily // as in the table
	room     []sample
	pairs    map[[2]string]*dto.LabelPair // by label and value
}

// sample is a metric in one piece.
type sample struct {
	metric  dto.Metric
	gauge   dto.Gauge
	counter dto.Counter
	value   float64
	labels  [2]*dto.LabelPair
}

// tell adds a metric, with a value for each of its labels.
func (t *teller) tell(m *metric, v float64, values ...string) {
	if len(t.room) == 0 {
		t.room = make([]sample, 512)
	}
	s := &t.room[0]
	t.room = t.room[1:]
	s.value = v
	if m.kind == dto.MetricType_COUNTER {
		s.counter.Value = &s.value
		s.metric.Counter = &s.counter
	} else {
		s.gauge.Value = &s.value
		s.metric.Gauge = &s.gauge
	}
	for i, label := range m.labels {
		s.labels[i] = t.pair(label, values[i])
	}
	s.metric.Label = s.labels[:len(m.labels)]
	f := t.families[m.place]
	f.Metric = append(f.Metric, &s.metric)
}

func (t *teller) pair(label, value string) *dto.LabelPair {
	key := [2]string{label, value}
	p := t.pairs[key]
	if p == nil {
		p = &dto.LabelPair{Name: proto.String(label), Value: proto.String(value)}
		t.pairs[key] = p
	}
	return p
}

func (t *teller) flag(m *metric, v bool, labels ...string) {
	if v {
		t.tell(m, 1, labels...)
	} else {
		t.tell(m, 0, labels...)
	}
}

// at tells a time; the zero time is not told.
func (t *teller) at(m *metric, v time.Time, labels ...string) {
	if !v.IsZero() {
		t.tell(m, float64(v.UnixMilli())/1000, labels...)
	}
}

func (t *teller) reading(r *reading) {
	t.at(readingTime, r.at)
	t.tell(readingTook, r.took.Seconds())
	t.tell(omitted, float64(r.omitted))
	for _, what := range whats {
		t.tell(readingErrors, float64(r.errors[what]), what)
	}
}

func (t *teller) colony(r *reading) {
	for _, kind := range spec.EventTypes {
		t.tell(events, float64(r.events[kind]), kind)
	}
	t.tell(events, float64(r.events[otherEvent]), otherEvent)
	t.tell(specErrors, float64(r.specErrors))
	if u := r.supervisor; u != nil {
		t.tell(supervisorCPU, u.cpu)
		t.tell(supervisorRSS, float64(u.rss))
		t.tell(supervisorThreads, float64(u.threads))
		if u.fds >= 0 {
			t.tell(supervisorFDs, float64(u.fds))
		}
	}
	c := r.colony
	if c == nil {
		return
	}
	t.tell(info, 1, c.Version)
	t.at(supervisorStart, c.Started)
	t.flag(draining, c.Draining)
	for _, s := range spec.States {
		t.tell(services, float64(c.Counts[s]), string(s))
	}
	t.tell(degradedNow, float64(len(c.Degraded)))
	t.tell(badFiles, float64(len(c.BadFiles)))
	t.tell(panics, float64(c.Panics))
	t.tell(orphans, float64(c.Orphans))
	t.tell(unattributed, float64(c.Unattributed))
}

func (t *teller) service(s *service) {
	name, st := s.name, s.status
	t.tell(state, 1, name, string(st.State))
	t.flag(ready, st.Ready, name)
	t.tell(restarts, float64(st.Restarts), name)
	if st.PID != 0 {
		t.at(start, lifeStart(st), name)
	}
	if x := st.LastExit; x != nil {
		kind, number := ending(x)
		t.tell(lastExit, number, kind, name)
		t.at(lastExitTime, x.At, name)
	}
	if s.spent != nil {
		t.tell(cpu, *s.spent, name)
	}
	if u := s.usage; u != nil {
		t.tell(rss, float64(u.rss), name)
		t.tell(processes, float64(u.processes), name)
		if u.fds >= 0 {
			t.tell(fds, float64(u.fds), name)
		}
	}
	if h := s.heart; h != nil {
		t.tell(heart, 1, name, h.State)
		t.tell(beatPeriod, h.Period, name)
		t.at(lastBeat, s.beat, name)
	}
	for _, check := range checks {
		if p, made := s.probes[check]; made && p.Generation == st.Generation {
			t.flag(probeOK, p.OK, check, name)
			t.tell(probeBad, float64(p.Bad), check, name)
			t.tell(probeTook, p.Took, check, name)
			t.at(probeTime, p.At, check, name)
		}
	}
	for i, o := range s.outputs {
		t.tell(logSize, float64(o.size), name, streams[i])
		t.tell(logWritten, float64(o.written), name, streams[i])
		t.tell(logDroppedBytes, float64(o.lost.Bytes), name, streams[i])
		t.tell(logDroppedLines, float64(o.lost.Lines), name, streams[i])
	}
}

// lifeStart is when the life of a status began; zero = it does not say.
func lifeStart(st *spec.Status) time.Time {
	switch {
	case st.Started != nil:
		return *st.Started
	case st.State == spec.Running || st.State == spec.Starting:
		return st.Since
	}
	return time.Time{}
}

// ending is the kind of an exit, and its number.
func ending(x *spec.Exit) (kind string, number float64) {
	switch {
	case x.Code != nil:
		return "code", float64(*x.Code)
	case x.SpawnError != "":
		return "spawn_error", 0
	case x.Signal == "":
		return "unknown", 0
	}
	sig, _ := spec.ParseSignal(x.Signal)
	if x.OOM {
		return "oom", float64(sig)
	}
	return "signal", float64(sig)
}
