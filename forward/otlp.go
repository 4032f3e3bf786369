package forward

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// What an OTLP request for logs is made of, as far as we need it.
type (
	otlpValue struct {
		String *string `json:"stringValue,omitempty"`
		Int    *string `json:"intValue,omitempty"`
	}
	otlpAttribute struct {
		Key   string    `json:"key"`
		Value otlpValue `json:"value"`
	}
	otlpRecord struct {
		Time       string          `json:"timeUnixNano"`
		Observed   string          `json:"observedTimeUnixNano"`
		Body       otlpValue       `json:"body"`
		Attributes []otlpAttribute `json:"attributes"`
	}
	otlpScope struct {
		Scope struct {
			Name string `json:"name"`
		} `json:"scope"`
		Records []otlpRecord `json:"logRecords"`
	}
	otlpResource struct {
		Resource struct {
			Attributes []otlpAttribute `json:"attributes"`
		} `json:"resource"`
		Scopes []otlpScope `json:"scopeLogs"`
	}
)

func otlpText(key, value string) otlpAttribute { return otlpAttribute{key, otlpValue{String: &value}} }
func otlpNumber(key, value string) otlpAttribute {
	return otlpAttribute{key, otlpValue{Int: &value}}
}

// encodeOTLP is the body of a request to /v1/logs.
func encodeOTLP(s *Settings, records []record) ([]byte, error) {
	var body struct {
		Resources []*otlpResource `json:"resourceLogs"`
	}
	known := map[string]*otlpResource{}
	observed := strconv.FormatInt(time.Now().UnixNano(), 10)
	for i := range records {
		r := &records[i]
		resource := known[r.service]
		if resource == nil {
			resource = &otlpResource{Scopes: make([]otlpScope, 1)}
			resource.Scopes[0].Scope.Name = "ncolony"
			resource.Resource.Attributes = []otlpAttribute{otlpText("service.name", r.service), otlpText("host.name", s.Host)}
			for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
				resource.Resource.Attributes = append(resource.Resource.Attributes, otlpText(name, s.Labels[name]))
			}
			known[r.service] = resource
			body.Resources = append(body.Resources, resource)
		}
		scope := &resource.Scopes[0]
		scope.Records = append(scope.Records, otlpRecord{
			Time: strconv.FormatInt(r.time.UnixNano(), 10), Observed: observed, Body: otlpValue{String: &r.text},
			Attributes: []otlpAttribute{
				otlpText("log.iostream", r.stream()), otlpNumber("ncolony.generation", r.generation),
				otlpNumber("ncolony.offset", strconv.FormatInt(r.at.Offset, 10)),
			},
		})
	}
	return json.Marshal(&body)
}

// partlyOTLP reads how many records a receiver that has taken the others does not
// want.
func partlyOTLP(answer []byte) (rejected int64, why string) {
	var a struct {
		Partial struct {
			Rejected json.Number `json:"rejectedLogRecords"` // a number, or a string of one
			Why      string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(answer, &a) != nil {
		return 0, ""
	}
	rejected, _ = a.Partial.Rejected.Int64()
	return max(0, rejected), a.Partial.Why
}
