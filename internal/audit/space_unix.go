//go:build linux || darwin

package audit

import "syscall"

// used is how full the file system of a path is, in percent of what its owner may fill,
// as df counts.
func used(path string) (percent int, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, err
	}
	taken := s.Blocks - s.Bfree
	room := taken + s.Bavail
	if room == 0 {
		return 0, nil // a file system without blocks, which says nothing
	}
	return int((taken*100 + room - 1) / room), nil //nolint:gosec // at most 100
}
