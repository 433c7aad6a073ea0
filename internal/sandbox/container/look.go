package container

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// look refuses paths that are links, or neither directories nor regular files (a socket
// is a way to whoever listens there), and adds to what is Doorward's own what that leads to.
func (s *Spec) look() error {
	for _, path := range slices.Concat(s.Read, s.Write) {
		led, err := filepath.EvalSymlinks(path)
		if err != nil {
			return fmt.Errorf("giving %s: %w", path, err)
		}
		if led != path {
			return fmt.Errorf("giving %s: it leads to %s: name that", path, led)
		}
		if info, err := os.Stat(path); err != nil || !info.IsDir() && !info.Mode().IsRegular() {
			return fmt.Errorf("giving %s: it is neither a directory nor a regular file", path)
		}
	}
	for _, path := range slices.Clone(s.Own) {
		if led, err := filepath.EvalSymlinks(path); err == nil && led != path {
			s.Own = append(s.Own, led)
		}
	}
	return nil
}
