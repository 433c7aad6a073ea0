package drill

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// maxPage bounds one alert.
const maxPage = 64 << 10

// pager is whoever is paged: it takes alerts.
type pager struct {
	mu     sync.Mutex
	paged  map[string]string // by rule: the id of the latest
	notify chan struct{}     // closed, and replaced, when one comes
}

func newPager() *pager { return &pager{paged: map[string]string{}, notify: make(chan struct{})} }

// ServeHTTP implements http.Handler.
func (p *pager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPage))
	var n struct {
		Data struct{ ID, Rule string }
	}
	if err == nil {
		err = json.Unmarshal(body, &n)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.paged[n.Data.Rule] = n.Data.ID
	close(p.notify)
	p.notify = make(chan struct{})
	p.mu.Unlock()
}

// wait waits for an alert of a rule.
func (p *pager) wait(ctx context.Context, rule string) error {
	for {
		p.mu.Lock()
		_, ok := p.paged[rule]
		next := p.notify
		p.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return fmt.Errorf("nobody was paged for %s: %w", rule, ctx.Err())
		}
	}
}
