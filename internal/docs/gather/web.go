package gather

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/temoto/robotstxt"

	"doorward/internal/retryafter"
)

// Bounds of what is fetched.
const (
	maxRedirects = 5
	maxTries     = 3
	maxHosts     = 64               // that one run asks
	maxRobots    = 500 << 10        // bytes that are read (RFC 9309 §2.5)
	patience     = 30 * time.Second // for one request with its answer
	maxWait      = time.Minute      // that a host may ask for
	pause        = 100 * time.Millisecond
)

// agent is how a fetch introduces itself, and the name that robots.txt knows it by.
const agent = "doorward"

// WebConfig is what a Web is made of.
type WebConfig struct {
	// Named are hosts, with a port if it is not 443, that may be private and have another
	// port, because the operator says so.
	Named []string
	Roots *x509.CertPool // nil: the system's
	Pause time.Duration  // between two requests to a host, at least; 0: 100 ms
	// Resolve looks a name up. Nil: the system's resolver.
	Resolve func(ctx context.Context, name string) ([]netip.Addr, error)
}

// Web fetches documents, one at a time of a host, with a pause between them.
type Web struct {
	client *http.Client
	places places
	pause  time.Duration

	mu    sync.Mutex
	hosts map[string]*host
}

// host is one that was asked.
type host struct {
	turn   chan struct{} // holds one: who took it asks
	last   time.Time
	robots *robotstxt.Group // nil: not asked yet
	delay  time.Duration
}

// NewWeb makes a Web.
func NewWeb(cfg WebConfig) (*Web, error) {
	p, err := newPlaces(cfg.Named, cfg.Resolve)
	if err != nil {
		return nil, err
	}
	if cfg.Pause <= 0 {
		cfg.Pause = pause
	}
	return &Web{places: p, pause: cfg.Pause, hosts: map[string]*host{}, client: &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            p.dial,
			TLSClientConfig:        &tls.Config{RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    10 * time.Second,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // or a small answer could become a large one
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           maxHosts,
			IdleConnTimeout:        time.Minute,
		},
	}}, nil
}

// Close ends connections that are open.
func (w *Web) Close() { w.client.CloseIdleConnections() }

// Fetch reads a document, and follows redirects on its host: another host's pages have
// URIs of that host, and who may read them is said by those. ErrElsewhere is the error.
func (w *Web) Fetch(ctx context.Context, raw string, most int64) (Content, error) {
	from, err := w.places.check(raw)
	if err != nil {
		return Content{}, err
	}
	at := from
	for range maxRedirects + 1 {
		c, to, err := w.patiently(ctx, at, most)
		if err != nil || to == "" {
			c.at = at
			return c, err
		}
		if at, err = w.places.check(to); err != nil {
			return Content{}, err
		}
		if !sameHost(at, from) {
			return Content{}, fmt.Errorf("%w, another host: ask for it there (%.200s)", ErrElsewhere, at)
		}
	}
	return Content{}, fmt.Errorf("it leads through more than %d redirects", maxRedirects)
}

func sameHost(a, b *url.URL) bool { return a.Hostname() == b.Hostname() && portOf(a) == portOf(b) }

// patiently asks again where a host says that it is busy.
func (w *Web) patiently(ctx context.Context, u *url.URL, most int64) (c Content, to string, err error) {
	for try := 1; ; try++ {
		c, to, err = w.once(ctx, u, most)
		busy, ok := errors.AsType[*busyError](err)
		if !ok || try == maxTries {
			return c, to, err
		}
		select {
		case <-ctx.Done():
			return c, "", context.Cause(ctx)
		case <-time.After(min(busy.wait<<(try-1), maxWait)):
		}
	}
}

// once asks for a URL that was checked. to is where it is instead.
func (w *Web) once(ctx context.Context, u *url.URL, most int64) (c Content, to string, err error) {
	h, err := w.host(u.Host)
	if err != nil {
		return Content{}, "", err
	}
	select {
	case <-ctx.Done():
		return Content{}, "", context.Cause(ctx)
	case h.turn <- struct{}{}:
	}
	defer func() { <-h.turn }()
	if err := w.admitted(ctx, h, u); err != nil {
		return Content{}, "", err
	}
	return w.get(ctx, h, u, most)
}

// host is what is known of one.
func (w *Web) host(name string) (*host, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[name]; h != nil {
		return h, nil
	}
	if len(w.hosts) >= maxHosts {
		return nil, fmt.Errorf("documents lie on more than %d hosts: bring them in with several runs", maxHosts)
	}
	h := &host{turn: make(chan struct{}, 1)}
	w.hosts[name] = h
	return h, nil
}

// admitted asks a host's robots.txt, once. Where that cannot be had for a fault of the
// host, nothing is fetched (RFC 9309 §2.3.1.4). The caller has the turn.
func (w *Web) admitted(ctx context.Context, h *host, u *url.URL) error {
	if h.robots == nil {
		rules, err := w.robots(ctx, h, u)
		if err != nil {
			return err
		}
		h.robots = rules.FindGroup(agent)
		h.delay = min(max(h.robots.CrawlDelay, w.pause), maxWait)
	}
	if !h.robots.Test(u.RequestURI()) {
		return ErrShut
	}
	return nil
}

// robots reads a host's robots.txt, also where it leads elsewhere (RFC 9309 §2.3.1.2).
func (w *Web) robots(ctx context.Context, h *host, u *url.URL) (*robotstxt.RobotsData, error) {
	at := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/robots.txt"}
	for range maxRedirects + 1 {
		c, to, err := w.get(ctx, h, at, maxRobots)
		switch {
		case errors.Is(err, ErrGone), errors.Is(err, errRefused):
			return robotstxt.FromStatusAndBytes(http.StatusNotFound, nil)
		case err != nil:
			return nil, fmt.Errorf("asking for robots.txt: %w", err)
		case to == "":
			rules, err := robotstxt.FromBytes(c.Bytes)
			if err != nil {
				return nil, fmt.Errorf("reading robots.txt: %w", err)
			}
			return rules, nil
		}
		if at, err = w.places.check(to); err != nil {
			return nil, fmt.Errorf("asking for robots.txt: %w", err)
		}
		if !sameHost(at, u) {
			if w.places.private(at) {
				return nil, fmt.Errorf("robots.txt of %s: %w, a host inside", u.Host, ErrElsewhere)
			}
			h = &host{} // its turn is not waited for: who has it may wait for this one's
		}
	}
	return nil, errors.New("robots.txt leads nowhere")
}

var errRefused = errors.New("the host refuses it")

// busyError is a host that wants to be asked later.
type busyError struct {
	status int
	wait   time.Duration
}

func (e *busyError) Error() string { return fmt.Sprintf("the host answers %d", e.status) }

// get sends one request. The caller has the turn.
func (w *Web) get(ctx context.Context, h *host, u *url.URL, most int64) (Content, string, error) {
	if wait := time.Until(h.last.Add(max(h.delay, w.pause))); wait > 0 {
		select {
		case <-ctx.Done():
			return Content{}, "", context.Cause(ctx)
		case <-time.After(wait):
		}
	}
	defer func() { h.last = time.Now() }()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return Content{}, "", err
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", "text/markdown, text/html, text/plain, application/pdf, application/xml, */*;q=0.5")
	res, err := w.client.Do(req)
	if err != nil {
		return Content{}, "", err
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		c, err := body(res, most)
		return c, "", err
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		to, err := res.Location()
		if err != nil {
			return Content{}, "", fmt.Errorf("the host leads nowhere: %w", err)
		}
		return Content{}, to.String(), nil
	case http.StatusNotFound, http.StatusGone:
		return Content{}, "", ErrGone
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return Content{}, "", &busyError{status: res.StatusCode, wait: max(retryafter.Of(res.Header, time.Now(), maxWait), time.Second)}
	}
	if res.StatusCode >= 400 && res.StatusCode < 500 {
		return Content{}, "", fmt.Errorf("%w: it answers %d", errRefused, res.StatusCode)
	}
	return Content{}, "", fmt.Errorf("the host answers %d", res.StatusCode)
}

// body reads an answer.
func body(res *http.Response, most int64) (Content, error) {
	if enc := res.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return Content{}, errors.New("the host's answer is encoded, though nobody asked for that")
	}
	if res.ContentLength > most {
		return Content{}, fmt.Errorf("its answer is longer than %d bytes: %w", most, ErrLarge)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return Content{}, err
	}
	if int64(len(raw)) > most {
		return Content{}, fmt.Errorf("its answer is longer than %d bytes: %w", most, ErrLarge)
	}
	c := Content{Bytes: raw, Type: res.Header.Get("Content-Type")}
	if at, err := http.ParseTime(res.Header.Get("Last-Modified")); err == nil {
		c.Modified = whole(at)
	}
	return c, nil
}

// whole is a time as it is kept.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
