package secret

import (
	"maps"
	"sync"
	"time"
)

// maxPast bounds how many secrets have a past: more than a configuration may declare.
const maxPast = 4096

// Past remembers, in memory alone, the version that each secret had before the present
// one, for as long as its Overlap: files and Vault have but the newest. The zero Past is
// ready, and a nil one remembers nothing. Any number of goroutines may use it.
type Past struct {
	mu   sync.Mutex // guards the rest
	seen map[string]turn
}

// turn is a secret's last change, as it was seen.
type turn struct {
	from        string // the source's
	now, before string
	until       time.Time // before counts
}

// Only forgets what has none of these names.
func (p *Past) Only(names map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.seen, func(name string, _ turn) bool { return !names[name] })
}

// before takes note of a reading, and is the version that counts beside it; empty: none.
func (p *Past) before(src Source, r Reading, now time.Time) string {
	if r.Before != "" || p == nil || src.Overlap <= 0 {
		return r.Before
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t, known := p.seen[src.Name]
	switch {
	case !known && len(p.seen) >= maxPast:
		return ""
	case !known || t.from != src.From:
		t = turn{from: src.From, now: r.Text} // one that is somewhere else now has no past
	case t.now != r.Text:
		t.now, t.before, t.until = r.Text, t.now, now.Add(src.Overlap)
	}
	if t.before != "" && !now.Before(t.until) {
		t.before = ""
	}
	if p.seen == nil {
		p.seen = map[string]turn{}
	}
	p.seen[src.Name] = t
	return t.before
}
