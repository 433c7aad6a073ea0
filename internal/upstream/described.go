package upstream

import (
	"sync/atomic"
	"time"
)

// standing is what an upstream was when it was last looked at; nil where it was not, or is to be looked at anew.
type standing = atomic.Pointer[identified]

// identified is what an upstream was at a time.
type identified struct {
	reach

	at time.Time
}

// identifiedFor is for how long it stays known what an upstream is, for answers that are kept: who asks for
// one often must not have its command looked up, and its files looked at, each time.
const identifiedFor = time.Second

// identify looks at what the upstream is.
func (s *server) identify(now time.Time) (*identified, error) {
	r, err := s.pool.identify(s)
	if err != nil {
		s.standing.Store(nil)
		return nil, err
	}
	is := &identified{r, now}
	s.standing.Store(is)
	return is, nil
}

// lately is what the upstream is, or was within identifiedFor.
func (s *server) lately(now time.Time) (*identified, error) {
	if had := s.standing.Load(); had != nil && now.Sub(had.at) < identifiedFor {
		return had, nil
	}
	return s.identify(now)
}

// described is how a server of Doorward's own is set, and how each of its commands is started. It is
// kept as long as every file that they execute is the same by its marks: to look for all of them, and
// at the rules of each, takes longer than most commands run. What the marks do not show, such as
// another program of the same name earlier in PATH, is seen when that command itself is run, which is
// always looked at. kept tells that it was: who does not like what it says looks anew.
func (s *server) described() (r reach, kept bool, err error) {
	if had := s.standing.Load(); had != nil && had.still() == nil {
		return had.reach, true, nil
	}
	is, err := s.identify(time.Now())
	if err != nil {
		return reach{}, false, err
	}
	return is.reach, false, nil
}

// still is that of all files, and of the packages that they belong to.
func (r *reach) still() error {
	for _, pack := range r.packs {
		if err := pack.still(); err != nil {
			return err
		}
	}
	return still(r.files, r.pack)
}
