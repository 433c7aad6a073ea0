package issuer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// The times and bounds of tokens that Doorward itself is given.
const (
	shortToken = time.Minute      // how long one counts of which the issuer does not say it
	longToken  = 24 * time.Hour   // at most, whatever the issuer says
	early      = 10 * time.Second // before its end one counts no more: it has to arrive, too
	pauseAsk   = time.Second      // after a question that failed
	pauseAnew  = 10 * time.Second // between two tokens, where somebody refuses all of them
	maxNesting = 8                // of the answer
)

// ClientConfig is Doorward as a client of an issuer, with credentials of its own (RFC 6749,
// section 4.4). Issuer, ClientID, Method and what it needs are required.
type ClientConfig struct {
	Issuer        string                 // its identifier, for assertions and for its metadata
	TokenURL      string                 // empty: the issuer's metadata says so
	Resource      string                 // that the token is for (RFC 8707); empty: the issuer decides
	Scopes        []string               // empty: the issuer decides
	ClientID      string                 // ours, at the issuer
	Method        string                 // client_secret_basic, client_secret_post or private_key_jwt
	Secret        func() (string, error) // for the first two; asked for each token
	PrivateKeyPEM func() (string, error) // for private_key_jwt; asked for each token
	// Instead is another version of the secret or the key than one that was refused; may be nil.
	Instead func(refused string) (string, bool)
	RootCAs *x509.CertPool // who vouches for its servers; nil: those of the system
}

// Client gets tokens for Doorward itself, and keeps the one that counts. Any number of
// goroutines may use it. It holds nothing that must be closed but idle connections.
type Client struct {
	cfg   ClientConfig
	proof *clientProof
	web   *web

	asking chan struct{} // holds one while a question is put
	mu     sync.Mutex    // guards the rest
	now    granted
	tried  time.Time // when the last question was put that failed
	fault  error     // of it
	meta   *metadata
}

// granted is a token; the zero one is none.
type granted struct {
	text  string
	made  time.Time
	renew time.Time // from when on another is asked for
	ends  time.Time
}

// NewClient checks the configuration. Nothing is asked yet.
func NewClient(c ClientConfig) (*Client, error) { return newClient(c, dial) }

func newClient(c ClientConfig, by dialer) (*Client, error) {
	if err := checkURL(c.Issuer, c.Issuer, true); err != nil {
		return nil, fmt.Errorf("issuer %q: %w", c.Issuer, err)
	}
	if c.TokenURL != "" {
		if err := checkURL(c.TokenURL, c.Issuer, false); err != nil {
			return nil, fmt.Errorf("the token URL of issuer %s %w", c.Issuer, err)
		}
	}
	in := &Introspection{ClientID: c.ClientID, Method: c.Method, Secret: c.Secret, PrivateKeyPEM: c.PrivateKeyPEM, Instead: c.Instead}
	if err := in.checkProof(); err != nil {
		return nil, fmt.Errorf("client of issuer %s: %w", c.Issuer, err)
	}
	return &Client{cfg: c, proof: &clientProof{issuer: c.Issuer, settings: in}, web: newWeb(by, c.RootCAs), asking: make(chan struct{}, 1)}, nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.web.close() }

// Token is one that counts now: the one that is kept, or another. While the issuer does not
// answer the one that is kept counts to its end, and nobody waits for the question of another.
func (c *Client) Token(ctx context.Context) (string, error) {
	now, g := time.Now(), c.kept()
	if now.Before(g.renew) {
		return g.text, nil
	}
	select {
	case c.asking <- struct{}{}:
	default:
		if now.Before(g.ends) {
			return g.text, nil
		}
		c.asking <- struct{}{} // a question takes patience at most, and many who wait are answered by one
	}
	defer func() { <-c.asking }()
	return c.anew(ctx, func(g granted, now time.Time) bool { return now.Before(g.renew) })
}

// Another is a token in place of one that was refused; ok is false when there is none. Tokens
// are not asked for one after the other, as by somebody who refuses all of them.
func (c *Client) Another(ctx context.Context, refused string) (text string, ok bool) {
	c.asking <- struct{}{}
	defer func() { <-c.asking }()
	text, err := c.anew(ctx, func(g granted, now time.Time) bool {
		return now.Before(g.ends) && (g.text != refused || now.Sub(g.made) < pauseAnew)
	})
	return text, err == nil && text != refused
}

func (c *Client) kept() granted {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// anew is the token that is kept where that does, and otherwise another one; it needs asking.
func (c *Client) anew(ctx context.Context, does func(g granted, now time.Time) bool) (string, error) {
	now := time.Now()
	c.mu.Lock()
	g, tried, fault := c.now, c.tried, c.fault
	c.mu.Unlock()
	if does(g, now) {
		return g.text, nil
	}
	if fault == nil || now.Sub(tried) >= pauseAsk {
		var fresh granted
		if fresh, fault = c.ask(ctx); fault == nil {
			g = fresh
		}
		c.mu.Lock()
		c.now, c.tried, c.fault = g, time.Now(), fault // an issuer that hangs is asked once for all who wait
		c.mu.Unlock()
	}
	if time.Now().Before(g.ends) {
		return g.text, nil
	}
	if fault == nil {
		fault = errors.New("its token had ended already")
	}
	return "", fmt.Errorf("a token of issuer %s: %w", c.cfg.Issuer, fault)
}

// ask puts the question, and once or twice more where the issuer refuses the secret and there
// is another version of it.
func (c *Client) ask(ctx context.Context) (granted, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	secret, err := c.proof.secret()
	if err != nil {
		return granted{}, err
	}
	const times = 2
	for n := 0; ; n++ {
		asked := time.Now()
		req, err := c.request(ctx, secret)
		if err != nil {
			return granted{}, err
		}
		raw, err := c.web.do(req, maxAnswer, []string{"application/json"})
		if err == nil {
			return readGrant(raw, asked)
		}
		// RFC 6749, section 5.2: 401 for a client that is not known, or 400.
		s, refused := errors.AsType[*statusError](err)
		if !refused || s.code != http.StatusUnauthorized && s.code != http.StatusBadRequest || n == times {
			return granted{}, err
		}
		other, ok := c.proof.instead(secret)
		if !ok {
			return granted{}, err
		}
		secret = other
	}
}

func (c *Client) request(ctx context.Context, secret string) (*http.Request, error) {
	address, err := c.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(c.cfg.Scopes) > 0 {
		form.Set("scope", strings.Join(c.cfg.Scopes, " "))
	}
	if c.cfg.Resource != "" {
		form.Set("resource", c.cfg.Resource)
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	if err := c.proof.add(header, form, secret); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	req.Header = header
	return req, nil
}

// endpoint is where tokens are given out.
func (c *Client) endpoint(ctx context.Context) (string, error) {
	if c.cfg.TokenURL != "" {
		return c.cfg.TokenURL, nil
	}
	c.mu.Lock()
	m := c.meta
	c.mu.Unlock()
	if m != nil && time.Since(m.at) < metadataLife {
		return m.token, nil
	}
	m, err := c.web.discover(ctx, c.cfg.Issuer, wanted{token: true})
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.meta = m
	return m.token, nil
}

// readGrant reads the answer of a token endpoint (RFC 6749, section 5.1). Its errors quote
// nothing of it.
func readGrant(raw []byte, asked time.Time) (granted, error) {
	o, err := readObject(raw, maxNesting)
	if err != nil {
		return granted{}, fmt.Errorf("the issuer's answer %w", err)
	}
	token, ok := text(o["access_token"])
	if !ok || token == "" || len(token) > maxToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return granted{}, errors.New("the issuer's answer has no token that can be sent")
	}
	if kind, ok := text(o["token_type"]); !ok || !strings.EqualFold(kind, "Bearer") {
		return granted{}, errors.New("the issuer's answer is no bearer token")
	}
	life := shortToken
	if raw, there := o["expires_in"]; there {
		after, ok := date(raw) // seconds, as dates have them
		if !ok || after.Unix() <= 0 {
			return granted{}, errors.New("the issuer's answer does not say for how long the token counts")
		}
		life = min(after.Sub(time.Unix(0, 0)), longToken)
	}
	life = max(life-early, life/2)
	return granted{text: token, made: asked, renew: asked.Add(life * 3 / 4), ends: asked.Add(life)}, nil
}
