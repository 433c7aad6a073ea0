package anchor

import "fmt"

// Misfit is the error of somebody outside who has seen another log than this one. No
// crash leads to it: the log is on disk before its checkpoint is signed.
type Misfit struct {
	Who  string // witness or anchor
	Seen uint64 // records of the log that it has seen
	Have uint64 // records that the log has
}

// Error implements error.
func (m *Misfit) Error() string {
	if m.Seen > m.Have {
		return fmt.Sprintf("%s has seen %d records of this log, which has %d: its end was cut off, or an older copy was put in its place", m.Who, m.Seen, m.Have)
	}
	return fmt.Sprintf("%s has seen %d other records of a log of this name: its past was rewritten, or the log was forked", m.Who, m.Seen)
}
