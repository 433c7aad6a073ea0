package monitor

import (
	"io"
	"os"

	"doorward/internal/durable"
)

// readFile reads a file, and of a larger one so much that it is found too large.
func readFile(path string) ([]byte, error) {
	f, err := durable.Open(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxState+1))
}
