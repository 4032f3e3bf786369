package spec

import "fmt"

// Begun is the name of the file in the directory of a stream that says where the
// last life of a service began that becomes ready by a line of it: the number of
// the life and a position, as GENERATION:OFFSET. It is not there if that was not
// known.
const Begun = ".begun"

// FormatBegun is the content of the file.
func FormatBegun(life, generation uint64, offset int64) []byte {
	return fmt.Appendf(nil, "%d %d:%d\n", life, generation, offset)
}

// ParseBegun reads it; ok is false if it says nothing of that life.
func ParseBegun(content []byte, life uint64) (generation uint64, offset int64, ok bool) {
	var of uint64
	n, err := fmt.Sscanf(string(content), "%d %d:%d\n", &of, &generation, &offset)
	return generation, offset, n == 3 && err == nil && of == life && offset >= 0
}
