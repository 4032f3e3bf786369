package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// readExtras reads the object of --extras: the text itself if it begins with a
// brace, else the content of the file it names. Numbers stay as they are
// written.
func readExtras(given string) (map[string]any, error) {
	if given == "" {
		return nil, nil
	}
	content := []byte(given)
	if !strings.HasPrefix(strings.TrimSpace(given), "{") {
		var err error
		if content, err = os.ReadFile(given); err != nil {
			return nil, err
		}
	}
	in := json.NewDecoder(bytes.NewReader(content))
	in.UseNumber()
	var extras map[string]any
	if err := in.Decode(&extras); err != nil {
		return nil, fmt.Errorf("read the JSON object: %w", err)
	}
	if err := noKeyTwice(json.NewDecoder(bytes.NewReader(content))); err != nil {
		return nil, fmt.Errorf("read the JSON object: %w", err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the JSON object: there is something behind it")
	}
	return extras, nil
}

// noKeyTwice reads one value, known to be good JSON, and complains of an object
// that has a key twice: decoding drops one of them, and a spec must not.
func noKeyTwice(in *json.Decoder) error {
	token, err := in.Token()
	if err != nil {
		return err
	}
	open, nests := token.(json.Delim)
	if !nests {
		return nil
	}
	seen := map[string]bool{}
	for in.More() {
		if open == '{' {
			token, err := in.Token()
			if err != nil {
				return err
			}
			key := token.(string)
			if seen[key] {
				return fmt.Errorf("key %q stands there twice", key)
			}
			seen[key] = true
		}
		if err := noKeyTwice(in); err != nil {
			return err
		}
	}
	_, err = in.Token() // the end of it
	return err
}
