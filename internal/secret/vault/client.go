// Package vault reads secrets from HashiCorp Vault or OpenBao over their HTTP API: the
// key-value engines in both versions, and credentials that are made for a lease and end
// with it. App makes a Client and hands its Read to package secret.
//
// It keeps what it has read for as long as it counts and no longer, renews leases while the
// configuration names them, and gives them back at the end. It writes nothing else to Vault, logs no
// value, and no error of it repeats what Vault answered.
package vault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"doorward/internal/loopback"
)

const (
	patience   = 5 * time.Second // of one request
	between    = time.Second     // between two tries of what failed
	pauseValue = 100 * time.Millisecond
	pauseLease = 10 * time.Second
	maxPaths   = 1000
	maxAnswer  = 1 << 20 // bytes
	maxHeaders = 32 << 10
)

// ErrAbsent is in the error of what Vault does not have, or cannot be asked for now.
var ErrAbsent = errors.New("vault does not give it out")

// Config is what a Client is made of. Address, Lease and Log are required, and one of
// Token and Login.
type Config struct {
	Address   string         // https, or http on loopback
	Roots     *x509.CertPool // nil: the system's
	Namespace string         // of X-Vault-Namespace; empty: none
	// Token is asked for each request: somebody else keeps it valid.
	Token func() (string, error)
	// Login is where a token is had from, below /v1/, and what is sent there.
	Login func() (path string, body map[string]string, err error)
	// Lease is how long a value counts that has no lease of its own. It is read again six
	// times in that time.
	Lease time.Duration
	// Lent is told what became of each loan; nil: nobody is. It may write, and has no lock held.
	Lent func(l *Loan, f Fate)
	Log  *slog.Logger
}

// Client reads from one Vault. Any number of goroutines may use it. Its owner calls Run
// while it serves, and Close.
type Client struct {
	cfg  Config
	http *http.Client

	logging sync.Mutex // one login at a time
	mu      sync.Mutex // guards the rest
	token   session
	paths   map[string]*held
	leases  map[string]time.Time // by id, until when: to be given back
	lent    lent
}

// New checks what is configured. Nothing is asked yet.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.Address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the address must be a URL without a user, a query and a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback.Host(u.Hostname())):
		return nil, errors.New("the address must be https; http is for this machine alone")
	case (c.Token == nil) == (c.Login == nil) || c.Lease <= 0 || c.Log == nil:
		return nil, errors.New("a lease, a log, and one of a token and a login are required")
	}
	c.Address = strings.TrimSuffix(c.Address, "/")
	return &Client{cfg: c, paths: map[string]*held{}, leases: map[string]time.Time{}, lent: lent{loans: map[string]*Loan{}, wake: make(chan struct{}, 1)}, http: &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            guarded(u.Scheme, (&net.Dialer{Timeout: patience}).DialContext),
			TLSClientConfig:        &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
			MaxResponseHeaderBytes: maxHeaders, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 2,
		},
	}}, nil
}

// guarded is how a client reaches Vault: in the clear on this machine alone, for a name may lead elsewhere.
func guarded(scheme string, dial func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	if scheme == "http" {
		return loopback.Only(dial)
	}
	return dial
}

// Split takes a reference apart: MOUNT/PATH#FIELD.
func Split(where string) (path, field string, ok bool) {
	path, field, ok = strings.Cut(where, "#")
	if !ok || field == "" || len(where) > 1024 || strings.ContainsFunc(where, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '?' || r == '%' }) {
		return "", "", false
	}
	parts := strings.Split(path, "/")
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "", "", false
		}
	}
	return path, field, len(parts) > 1
}

// Read is a secret as Vault has it, and since when it has this value; zero where Vault
// does not say. What was read counts for its lease; fresh asks anew before.
func (c *Client) Read(where string, fresh bool) (text string, changed time.Time, err error) {
	path, field, ok := Split(where)
	if !ok {
		return "", time.Time{}, errors.New("is asked for by MOUNT/PATH#FIELD")
	}
	h, err := c.path(path)
	if err != nil {
		return "", time.Time{}, err
	}
	now := time.Now()
	got, ok := h.now(now)
	if !ok || fresh {
		after := now
		if ok {
			after = now.Add(-got.pause())
		}
		err = c.since(h, after)
		got, ok = h.now(time.Now())
	}
	switch {
	case !ok && err != nil:
		return "", time.Time{}, err
	case !ok:
		return "", time.Time{}, fmt.Errorf("%w: what it answered had ended already", ErrAbsent)
	}
	text, ok = got.fields[field]
	if !ok {
		return "", time.Time{}, fmt.Errorf("%w: there is no such field", ErrAbsent)
	}
	return text, got.changed, nil
}

// path is what is held of one.
func (c *Client) path(path string) (*held, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.paths[path]
	if h == nil {
		if len(c.paths) >= maxPaths {
			return nil, fmt.Errorf("has been asked for %d paths already", maxPaths)
		}
		h = &held{path: path}
		c.paths[path] = h
	}
	return h, nil
}

// Only lets go of what stands at no path of these references: it is renewed and read no more.
// Its lease is given back by Close, for a call may still be under way with it.
func (c *Client) Only(wheres []string) {
	used := make(map[string]bool, len(wheres))
	for _, where := range wheres {
		if path, _, ok := Split(where); ok {
			used[path] = true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.paths, func(path string, _ *held) bool { return !used[path] })
}

// Run renews leases, reads values again and gives back what was lent until ctx ends.
func (c *Client) Run(ctx context.Context) {
	var lending sync.WaitGroup
	defer lending.Wait()
	lending.Go(func() { c.takeBack(ctx) })
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.renew()
		}
	}
}

// renew does what is due.
func (c *Client) renew() {
	c.mu.Lock()
	all := make([]*held, 0, len(c.paths))
	for _, h := range c.paths {
		all = append(all, h)
	}
	now := time.Now()
	for id, ends := range c.leases {
		if now.After(ends) {
			delete(c.leases, id)
		}
	}
	c.mu.Unlock()
	for _, h := range all {
		if !h.due(now) {
			continue
		}
		if err := c.extend(h); err != nil {
			c.cfg.Log.Warn("a secret of vault cannot be renewed", "path", h.path, "until", h.until(), "error", err)
		}
	}
}

// Close gives back what Vault made for this client: every lease, and the token where the
// client logged in.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	ids := make([]string, 0, len(c.leases))
	for id := range c.leases {
		ids = append(ids, id)
	}
	loggedIn := c.token.text != "" && c.cfg.Login != nil
	c.paths = map[string]*held{}
	c.mu.Unlock()
	var errs []error
	for _, id := range ids {
		if err := c.giveBack(ctx, id); err != nil {
			c.unsettled(id)
			errs = append(errs, err)
			continue
		}
		c.settle(id, Returned)
	}
	c.settleEnded()
	if loggedIn {
		_, err := c.send(ctx, http.MethodPost, "auth/token/revoke-self", c.known(), nil)
		if status, ok := errors.AsType[statusError](err); err != nil && (!ok || status != http.StatusForbidden) { // 403: it counts no more
			errs = append(errs, fmt.Errorf("giving the token of vault back: %w", err))
		}
	}
	c.http.CloseIdleConnections()
	return errors.Join(errs...)
}
