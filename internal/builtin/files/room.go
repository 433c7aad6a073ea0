package files

import (
	"errors"
	"os"
)

// Of a file system the last twentieth, 1 GiB at most, is not for clients: what else is on it, the audit log
// too where it lies there, goes on (security case RES-33). A twentieth is what ext4 keeps for root.
const (
	spareShare = 20
	mostSpare  = 1 << 30
)

// errFull is what is not written for want of room. What was deleted is in the trash, and takes as much as before.
var errFull = errors.New("the disk of this server is nearly full, and nothing was changed: its operator must make room, in " + trash + " or elsewhere")

// space is how much a file system has, in bytes and in files; 0 of what it does not say.
type space struct {
	bytes, freeBytes uint64
	files, freeFiles uint64
}

// takes tells whether so many bytes more, in one file more, leave what is not for clients.
func (s space) takes(more uint64) bool {
	keep := min(s.bytes/spareShare, mostSpare)
	return (s.bytes == 0 || s.freeBytes >= more && s.freeBytes-more >= keep) && (s.files == 0 || s.freeFiles > s.files/spareShare)
}

// roomFor refuses to write so many bytes into a directory whose file system is nearly full. One that does not say
// how full it is takes them.
func roomFor(dir *os.Root, more int) error {
	at, err := dir.Open(".")
	if err != nil {
		return absent(err)
	}
	defer at.Close()
	free, err := spaceOf(at)
	if err != nil {
		return errors.New("how full the disk of this server is cannot be read, and nothing was changed")
	}
	if !free.takes(uint64(max(more, 0))) {
		return errFull
	}
	return nil
}
