package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// held is what was read of one path. All fields of a path are of one answer: a user and
// its password belong together.
type held struct {
	path string

	asking sync.Mutex // one request at a time
	mu     sync.Mutex // guards the rest
	got    secret
	began  time.Time // when it was read last, before that
	tried  time.Time // and after it
	err    error     // of that
}

// secret is an answer of Vault's, and for how long it counts.
type secret struct {
	fields    map[string]string
	changed   time.Time
	lease     string // its id; empty: it has none
	renewable bool
	length    time.Duration
	renewAt   time.Time
	ends      time.Time
	token     string // that it was read with; a lease ends with it
}

// pause is how long an answer that counts stands before somebody who asks anew has another: an
// upstream that turns everything away must not make a request of each call, nor a lease, which
// lasts for as long as it was given for.
func (s *secret) pause() time.Duration {
	if s.lease != "" {
		return pauseLease
	}
	return pauseValue
}

func (h *held) now(at time.Time) (secret, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.got, h.got.fields != nil && at.Before(h.got.ends)
}

// stands tells how a try went that makes another one needless: one that began at or after
// a time, or one that failed a moment ago.
func (h *held) stands(after, now time.Time) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.began.IsZero() && !h.began.Before(after) || h.err != nil && now.Sub(h.tried) < between, h.err
}

func (h *held) due(at time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.got.fields != nil && !at.Before(h.got.renewAt) && at.Sub(h.tried) >= between
}

func (h *held) until() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.got.ends
}

// keep takes an answer, or the reason why there is none, in place of the last one. After a
// failure what was read before goes on counting until its end.
func (h *held) keep(s secret, began time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.began, h.tried, h.err = began, time.Now(), err
	if err == nil {
		h.got = s
	}
}

// since sees to it that a path was read after a time. Those who want that at the same
// time ask once.
func (c *Client) since(h *held, after time.Time) error {
	h.asking.Lock()
	defer h.asking.Unlock()
	if done, err := h.stands(after, time.Now()); done {
		return err
	}
	return c.fill(h)
}

// fill reads a path. Whoever calls it holds h.asking.
func (c *Client) fill(h *held) error {
	began := time.Now()
	s, err := c.read(h.path)
	c.hold(&s)
	if err != nil && s.lease != "" {
		_ = c.giveBack(context.Background(), s.lease) // or Close does
	}
	h.keep(s, began, err)
	return err
}

// hold notes a lease that is to be given back.
func (c *Client) hold(s *secret) {
	if s.lease == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leases[s.lease] = s.ends
}

// giveBack ends a lease. One that Vault does not end is tried again by Close.
func (c *Client) giveBack(ctx context.Context, id string) error {
	if _, err := c.ask(ctx, http.MethodPut, "sys/leases/revoke", map[string]string{"lease_id": id}); err != nil {
		return fmt.Errorf("giving a lease of vault back: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.leases, id)
	return nil
}

// extend renews the lease of a path, or reads it again: where it has none, where the
// lease comes to its longest, and where the token that it hangs on is another.
func (c *Client) extend(h *held) error {
	h.asking.Lock()
	defer h.asking.Unlock()
	s, ok := h.now(time.Now())
	if !ok || s.lease == "" || !s.renewable || s.token != c.known() {
		return c.fill(h)
	}
	a, err := c.ask(context.Background(), http.MethodPut, "sys/leases/renew", map[string]any{"lease_id": s.lease, "increment": int(s.length / time.Second)})
	if err != nil {
		return c.fill(h)
	}
	length := time.Duration(a.LeaseDuration) * time.Second
	if length < s.length/2 {
		return c.fill(h)
	}
	now := time.Now()
	s.renewAt, s.ends = now.Add(length*2/3), now.Add(length)
	c.hold(&s)
	h.keep(s, time.Time{}, nil)
	return nil
}

// read asks Vault for a path, by the engine that is mounted there. With an error it may be a
// lease that was made, to be given back.
func (c *Client) read(path string) (secret, error) {
	at, second, err := c.mounted(path)
	if err != nil {
		return secret{}, err
	}
	return c.readAt(at, second)
}

// readAt asks Vault for what is at a path of an engine, of the second version of the key-value
// engine where second says so.
func (c *Client) readAt(at string, second bool) (secret, error) {
	asked := time.Now()
	a, err := c.ask(context.Background(), http.MethodGet, at, nil)
	if err != nil {
		return secret{}, err
	}
	s := secret{token: c.known(), length: c.cfg.Lease}
	s.renewAt, s.ends = asked.Add(s.length/6), asked.Add(s.length)
	if a.LeaseID != "" {
		s.lease, s.renewable, s.length, s.changed = a.LeaseID, a.Renewable, time.Duration(a.LeaseDuration)*time.Second, asked
		s.renewAt, s.ends = asked.Add(s.length*2/3), asked.Add(s.length)
	}
	data := a.Data
	if second {
		var versioned struct {
			Data     json.RawMessage `json:"data"`
			Metadata struct {
				Created time.Time `json:"created_time"`
			} `json:"metadata"`
		}
		if err := json.Unmarshal(data, &versioned); err != nil {
			return s, errAnswer
		}
		data, s.changed = versioned.Data, versioned.Metadata.Created
	}
	s.fields, err = texts(data)
	return s, err
}

// mounted is where a path is read: the second version of the key-value engine has the
// values below data/.
func (c *Client) mounted(path string) (at string, second bool, err error) {
	a, err := c.ask(context.Background(), http.MethodGet, "sys/internal/ui/mounts/"+path, nil)
	if err != nil {
		return "", false, err
	}
	var m struct {
		Path    string            `json:"path"`
		Type    string            `json:"type"`
		Options map[string]string `json:"options"`
	}
	if err := json.Unmarshal(a.Data, &m); err != nil {
		return "", false, errAnswer
	}
	if m.Type != "kv" || m.Options["version"] != "2" {
		return path, false, nil
	}
	rest, ok := strings.CutPrefix(path, m.Path)
	if !ok {
		return "", false, errAnswer
	}
	return m.Path + "data/" + rest, true, nil
}

// texts are the fields of an answer: strings as they are, numbers and the rest as JSON.
func texts(data json.RawMessage) (map[string]string, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil || raw == nil {
		return nil, errAnswer
	}
	out := make(map[string]string, len(raw))
	for field, value := range raw {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		out[field] = text
	}
	return out, nil
}
