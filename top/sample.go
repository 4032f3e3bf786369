package top

import "time"

// sampleEvery is how often processes are looked at.
const sampleEvery = 2 * time.Second

// sample has the processes of rows measured, beside the loop, if it is time.
func (v *view) sample(rows []*row) {
	if v.sampling || !v.seen.alive || !v.machine.knows(v.seen.colony) || v.now.Before(v.next) {
		return
	}
	mains := map[string]int{}
	for _, r := range rows {
		if r.status.PID != 0 {
			mains[r.status.Name] = r.status.PID
		}
	}
	v.sampling = true
	v.beside(func() {
		began := time.Now()
		taken := v.sampler.sample(v.machine, mains)
		took := time.Since(began)
		v.post(func() {
			v.sampling, v.next = false, time.Now().Add(max(sampleEvery, share*took))
			for _, r := range v.rows {
				if u, ok := taken[r.status.Name]; ok && mains[r.status.Name] == r.status.PID {
					r.usage = u
				}
			}
		})
	})
}
