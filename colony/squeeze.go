package colony

import (
	"encoding/binary"
	"errors"
)

// squeeze makes text that repeats itself, as a snapshot does, a tenth as long. It
// is a series of: so many bytes as they are, and so many as stood that far back.
// The compressors of the standard library would cost a megabyte of tables.
func squeeze(text []byte) []byte {
	const bits = 12
	var seen [1 << bits]uint32 // by their hash, where eight bytes stood last, plus 1
	out := make([]byte, 0, len(text)/8)
	from := 0 // of what stands as it is
	for i := 0; i+8 <= len(text); {
		word := binary.LittleEndian.Uint64(text[i:])
		slot := &seen[word*0x9e3779b97f4a7c15>>(64-bits)]
		at := int(*slot) - 1
		*slot = uint32(i + 1)
		if at < 0 || binary.LittleEndian.Uint64(text[at:]) != word {
			i++
			continue
		}
		n := 8
		for i+n < len(text) && text[at+n] == text[i+n] {
			n++
		}
		out = binary.AppendUvarint(out, uint64(i-from))
		out = append(out, text[from:i]...)
		out = binary.AppendUvarint(out, uint64(n))
		out = binary.AppendUvarint(out, uint64(i-at))
		i += n
		from = i
	}
	out = binary.AppendUvarint(out, uint64(len(text)-from))
	return append(out, text[from:]...)
}

// expand is the way back, to a text of that size.
func expand(b []byte, size int) (text []byte, err error) {
	text = make([]byte, 0, size)
	bad := false
	number := func() int {
		v, n := binary.Uvarint(b)
		if bad = bad || n <= 0 || v > 1<<31; bad {
			return 0
		}
		b = b[n:]
		return int(v)
	}
	for {
		plain := number()
		if bad || plain > len(b) || plain > size-len(text) {
			return nil, errSqueezed
		}
		text, b = append(text, b[:plain]...), b[plain:]
		if len(b) == 0 && len(text) == size {
			return text, nil
		}
		n, back := number(), number()
		if bad || back == 0 || back > len(text) || n > size-len(text) {
			return nil, errSqueezed
		}
		for range n { // one by one: what is repeated may begin with what comes of it
			text = append(text, text[len(text)-back])
		}
	}
}

var errSqueezed = errors.New("what was squeezed is damaged")
