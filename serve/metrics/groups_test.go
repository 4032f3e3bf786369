package metrics

import (
	"testing"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// TestControlGroup: what hides from everything else is in the control group, and
// that knows of the time of those that nobody has waited for.
func TestControlGroup(t *testing.T) {
	t.Parallel()
	const burn = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
	hidden := `(env -i /usr/bin/setsid /bin/sh -c '` + burn + `; touch ROOT/burnt' &); (env -i /usr/bin/setsid /bin/sleep 1000 &); exec sleep 1000`
	c := supervise(t, map[string]string{
		"group": `{"args": ["/bin/sh", "-c", "` + hidden + `"], "cgroup": {}}`,
		"free":  `{"args": ["/bin/sh", "-c", "exec sleep 1000"]}`,
	})
	c.untilState("free", spec.Running)
	until(t, "the other has a state", func() bool { return c.status("group").State != "" && c.status("group").State != spec.Starting })
	if st := c.status("group"); st.State == spec.Invalid {
		t.Skipf("no control groups here: %s", st.SpecError.Message)
	}
	e := serve(t, c.places)
	until(t, "two are told of", func() bool {
		return c.exists("burnt") && e.scrape().has(`service_processes{service="group"}`, 2)
	})
	s := e.scrape()
	if used, free := s[`service_cpu_seconds_total{service="group"}`], s[`service_cpu_seconds_total{service="free"}`]; used < 5*free || used < 0.1 {
		t.Errorf("%v s were used, and %v s by one that does nothing", used, free)
	}
}
