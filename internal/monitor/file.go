package monitor

import (
	"io"
	"os"
)

// readFile reads a file, and of a larger one so much that it is found too large.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxState+1))
}
