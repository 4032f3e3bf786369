package spec

import "encoding/json"

// ReadyHTTP is the key "http" of "ready". In a file it is a URL, if that is all.
type ReadyHTTP struct{ HTTPQuestion }

// MarshalJSON writes what UnmarshalJSON reads.
func (r ReadyHTTP) MarshalJSON() ([]byte, error) {
	object, err := json.Marshal(r.HTTPQuestion)
	if err != nil {
		return nil, err
	}
	alone, err := json.Marshal(HTTPQuestion{URL: r.URL})
	if err == nil && string(object) == string(alone) {
		return json.Marshal(r.URL)
	}
	return object, err
}

// UnmarshalJSON reads a URL, or an object with one.
func (r *ReadyHTTP) UnmarshalJSON(data []byte) error {
	*r = ReadyHTTP{}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &r.URL)
	}
	return json.Unmarshal(data, &r.HTTPQuestion)
}
