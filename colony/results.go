package colony

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/ncolony/ncolony-go/colony/spec"
)

// keptResults is how many results stay, the newest ones.
const keptResults = 1000

// results is the directory of results.
type results struct {
	disk   disk
	places spec.Places
	order  []string // file names of messages, oldest result first
}

// openResults takes stock of earlier results. It returns the answers to those
// that nobody has finished, nor is going to.
func openResults(d disk, p spec.Places, now time.Time, ours map[string]*request) (*results, []answer, error) {
	r := &results{disk: d, places: p}
	var interrupted []answer
	list, err := d.list(p.ResultsDir())
	if err != nil {
		return r, nil, err
	}
	type dated struct {
		file string
		at   time.Time
	}
	var all []dated
	for _, e := range list {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		fi, err := e.Info()
		if !ok || err != nil || strings.HasPrefix(name, ".") {
			continue
		}
		all = append(all, dated{name, fi.ModTime()})
		if a := r.interrupt(name, now); a != nil && ours[name] == nil {
			interrupted = append(interrupted, *a)
		}
	}
	slices.SortStableFunc(all, func(a, b dated) int { return a.at.Compare(b.at) })
	for _, d := range all {
		r.order = append(r.order, d.file)
	}
	r.prune()
	return r, interrupted, nil
}

// interrupt is the answer to a message whose result an earlier supervisor has
// not finished; nil if it has.
func (r *results) interrupt(file string, now time.Time) *answer {
	b, err := r.disk.read(r.places.Result(file))
	var res spec.Result
	if err != nil || json.Unmarshal(b, &res) != nil || res.Finished != nil {
		return nil
	}
	res.OK, res.Error, res.Finished = false, spec.Interrupted, &now
	return &answer{file, res}
}

// write completes a result.
func (r *results) write(a answer) error {
	if i := slices.Index(r.order, a.file); i >= 0 {
		r.order = slices.Delete(r.order, i, i+1)
	}
	r.order = append(r.order, a.file)
	r.prune()
	return writeResult(r.disk, r.places, a.file, a.result)
}

func (r *results) prune() {
	for len(r.order) > keptResults {
		r.disk.remove(r.places.Result(r.order[0]))
		r.order = r.order[1:]
	}
}
