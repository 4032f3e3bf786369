package web

import (
	"bytes"
	"cmp"
	"flag"
	"image"
	"image/color"
	paint "image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

var screens = flag.Bool("screens", false, "write pictures of the pages into testdata/screens, to be looked at")

// TestScreens writes pictures of the pages. Nothing compares them but people.
func TestScreens(t *testing.T) {
	if !*screens {
		t.Skip("only with -screens")
	}
	w := newWideWorld(t)
	b := newBrowser(w)
	b.login("admin")
	for n := range 4 {
		w.eventually("charts", func() bool { return len(w.site.usage.Hour("cache")) > n })
	}
	dir := filepath.Join("testdata", "screens")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	bright, dark, narrow := lights[0], lights[1], lights[2]
	for _, p := range []struct {
		name, path, until string
		lights            []light
	}{
		{"overview", "/", `document.querySelectorAll(".troubles li").length > 0`, []light{bright, dark, narrow}},
		{"services", "/services", `document.querySelectorAll("#rows tbody a").length > 8`, []light{bright, dark, narrow}},
		{"service", "/services/cache", `document.querySelector(".chart")`, []light{bright, dark, narrow}},
		{"output", "/services/database#output", `document.querySelectorAll("#log div").length > 2`, []light{dark}},
		{"spec", "/services/database/spec", `true`, []light{bright, narrow}},
		{"events", "/events", `true`, []light{narrow}},
		{"graph", "/graph", `document.querySelectorAll(".node").length > 5`, []light{dark}},
		{"colony", "/colony", `true`, []light{dark}},
	} {
		for _, l := range p.lights {
			b.in(l)
			b.open(p.path)
			b.until(p.name, p.until)
			if p.name == "spec" {
				b.do("write", chromedp.SetValue("#text", "{\n  \"args\": [\"/bin/sh\", \"-c\", \"exec program\"],\n  \"log\": {\"stderr\": \"apart\"},\n  \"limits\": 3\n}\n"), chromedp.SendKeys("#text", " "))
				b.until("a diff", `document.querySelector("pre.diff")`)
			}
			b.picture(filepath.Join(dir, p.name+"-"+l.name+".png"))
		}
	}
	b.quiet("pictures")
}

// apart says whether two colours are not much the same.
func apart(a, b color.Color) bool {
	r1, g1, b1, _ := a.RGBA()
	r2, g2, b2, _ := b.RGBA()
	sum := 0
	for _, d := range []int{int(r1>>8) - int(r2>>8), int(g1>>8) - int(g2>>8), int(b1>>8) - int(b2>>8)} {
		sum += d * d
	}
	return sum > 300
}

// small writes a picture with no more colours than a byte can tell: those that are
// there most often.
func small(text []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	count := map[color.Color]int{}
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			count[full.At(x, y)]++
		}
	}
	var palette color.Palette
	for _, c := range slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return cmp.Compare(count[b], count[a]) }) {
		if len(palette) < 256 && (len(palette) == 0 || apart(c, palette.Convert(c))) {
			palette = append(palette, c)
		}
	}
	few := image.NewPaletted(full.Bounds(), palette)
	paint.Draw(few, few.Bounds(), full, image.Point{}, paint.Src)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&out, few)
	return out.Bytes(), err
}
