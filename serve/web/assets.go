package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"sync"

	"github.com/ncolony/ncolony-go/serve/operations"
)

//go:embed static
var staticFiles embed.FS

// assets are the sums of the files, by which their URLs change with them, so that
// browsers need not ask again.
var assets = sync.OnceValue(func() map[string]string {
	sums := map[string]string{}
	entries, err := staticFiles.ReadDir("static")
	for _, e := range entries {
		var text []byte
		if text, err = staticFiles.ReadFile("static/" + e.Name()); err != nil {
			break
		}
		sum := sha256.Sum256(text)
		sums[e.Name()] = hex.EncodeToString(sum[:8])
	}
	if err != nil {
		panic(err) // they are built in
	}
	return sums
})

func staticURL(file string) string { return "/static/" + file + "?" + assets()[file] }

func (s *Site) static(w http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	sum, ok := assets()[file]
	if !ok {
		s.fail(w, r, &operations.Error{Code: operations.NotFound, Detail: "there is no " + r.URL.Path})
		return
	}
	text, err := staticFiles.ReadFile("static/" + file)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(file)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	if r.URL.RawQuery == sum {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Write(text)
}
