package forward

import (
	"encoding/json"
	"maps"
	"strconv"
)

// lokiStream are lines with the same labels.
type lokiStream struct {
	Labels map[string]string `json:"stream"`
	Values [][2]string       `json:"values"` // nanoseconds, line
}

// encodeLoki is the body of a request to /loki/api/v1/push.
func encodeLoki(s *Settings, records []record) ([]byte, error) {
	var body struct {
		Streams []*lokiStream `json:"streams"`
	}
	type key struct{ service, stream, generation string }
	known := map[key]*lokiStream{}
	for i := range records {
		r := &records[i]
		k := key{r.service, r.stream(), r.generation}
		stream := known[k]
		if stream == nil {
			labels := map[string]string{"service": k.service, "stream": k.stream, "generation": k.generation}
			maps.Copy(labels, s.Labels)
			stream = &lokiStream{Labels: labels}
			known[k] = stream
			body.Streams = append(body.Streams, stream)
		}
		stream.Values = append(stream.Values, [2]string{strconv.FormatInt(r.time.UnixNano(), 10), r.text})
	}
	return json.Marshal(&body)
}
