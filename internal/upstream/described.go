package upstream

import "sync"

// standing is how a server of Doorward's own was described when it was last looked at.
type standing struct {
	mu sync.Mutex
	is *reach // nil: it was not, or is to be looked at anew
}

func (st *standing) now() *reach {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.is
}

func (st *standing) keep(r *reach) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.is = r
}

func (st *standing) forget() { st.keep(nil) }

// described is how a server of Doorward's own is set, and how each of its commands is started. It is
// kept as long as every file that they execute is the same by its marks: to look for all of them, and
// at the rules of each, takes longer than most commands run. What the marks do not show, such as
// another program of the same name earlier in PATH, is seen when that command itself is run, which is
// always looked at. kept tells that it was: who does not like what it says looks anew.
func (s *server) described() (r reach, kept bool, err error) {
	if had := s.standing.now(); had != nil && had.still() == nil {
		return *had, true, nil
	}
	if r, err = s.pool.identify(s); err != nil {
		s.standing.forget()
		return r, false, err
	}
	s.standing.keep(&r)
	return r, false, nil
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
