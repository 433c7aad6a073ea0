package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// errAnswer is an answer that is none of Vault's API. It is not repeated.
var errAnswer = fmt.Errorf("%w: its answer cannot be read", ErrAbsent)

// answer is what Vault answers with.
type answer struct {
	LeaseID       string          `json:"lease_id"`
	LeaseDuration int64           `json:"lease_duration"` // seconds
	Renewable     bool            `json:"renewable"`
	Data          json.RawMessage `json:"data"`
	Auth          *struct {
		Token         string `json:"client_token"`
		LeaseDuration int64  `json:"lease_duration"` // seconds; 0: for ever
		Renewable     bool   `json:"renewable"`
	} `json:"auth"`
}

// statusError is an answer that is a refusal.
type statusError int

// Error says what it was, without Vault's words.
func (s statusError) Error() string {
	switch s {
	case http.StatusForbidden:
		return "vault refuses it (403): look at the policies of Doorward's token"
	case http.StatusNotFound:
		return "vault has nothing there (404)"
	case http.StatusServiceUnavailable:
		return "vault is sealed or not ready (503)"
	}
	return fmt.Sprintf("vault answered %d", int(s))
}

// Is tells that what was asked for is absent.
func (s statusError) Is(target error) bool { return target == ErrAbsent }

// session is a token that the client logged in for.
type session struct {
	text      string
	renewable bool
	renewAt   time.Time // zero: never
	ends      time.Time // zero: never
}

// known is the token of the last request; empty where somebody else keeps it.
func (c *Client) known() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token.text
}

// ask sends a request with a token. One that is refused with a token that the client logged in
// for, and that has been revoked, is sent once more with another: Vault has done nothing for it.
func (c *Client) ask(ctx context.Context, method, path string, body any) (*answer, error) {
	token, err := c.have(ctx)
	if err != nil {
		return nil, err
	}
	a, err := c.send(ctx, method, path, token, body)
	if status, ok := errors.AsType[statusError](err); ok && status == http.StatusForbidden && c.cfg.Login != nil && c.revoked(ctx, token) {
		c.forget(token)
		if token, err = c.have(ctx); err != nil {
			return nil, err
		}
		a, err = c.send(ctx, method, path, token, body)
	}
	return a, err
}

// revoked tells whether a token is taken no more. While it is, a policy was the reason for a
// refusal, and another token would be refused, too.
func (c *Client) revoked(ctx context.Context, token string) bool {
	_, err := c.send(ctx, http.MethodGet, "auth/token/lookup-self", token, nil)
	status, ok := errors.AsType[statusError](err)
	return ok && status == http.StatusForbidden
}

// have is a token that can be used.
func (c *Client) have(ctx context.Context) (string, error) {
	if c.cfg.Token != nil {
		token, err := c.cfg.Token()
		if err != nil {
			return "", fmt.Errorf("%w: its token: %w", ErrAbsent, err)
		}
		return token, nil
	}
	c.logging.Lock()
	defer c.logging.Unlock()
	c.mu.Lock()
	s := c.token
	c.mu.Unlock()
	now := time.Now()
	switch {
	case s.text == "" || !s.ends.IsZero() && !now.Before(s.ends):
		return c.login(ctx)
	case s.renewAt.IsZero() || now.Before(s.renewAt):
		return s.text, nil
	case s.renewable:
		if a, err := c.send(ctx, http.MethodPost, "auth/token/renew-self", s.text, struct{}{}); err == nil && a.Auth != nil && a.Auth.Token == s.text {
			return c.take(a), nil
		}
	}
	if token, err := c.login(ctx); err == nil {
		return token, nil
	}
	return s.text, nil // until its end
}

// login gets a token.
func (c *Client) login(ctx context.Context) (string, error) {
	path, body, err := c.cfg.Login()
	if err != nil {
		return "", fmt.Errorf("%w: logging in: %w", ErrAbsent, err)
	}
	a, err := c.send(ctx, http.MethodPost, path, "", body)
	if err != nil {
		return "", fmt.Errorf("logging in: %w", err)
	}
	if a.Auth == nil || a.Auth.Token == "" {
		return "", errAnswer
	}
	return c.take(a), nil
}

// take keeps a token that was had or renewed.
func (c *Client) take(a *answer) string {
	s := session{text: a.Auth.Token, renewable: a.Auth.Renewable}
	if length := time.Duration(a.Auth.LeaseDuration) * time.Second; length > 0 {
		now := time.Now()
		s.renewAt, s.ends = now.Add(length*2/3), now.Add(length)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = s
	return s.text
}

// forget lets go of a token that was refused.
func (c *Client) forget(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token.text == token {
		c.token = session{}
	}
}

// send sends one request and reads its answer.
func (c *Client) send(ctx context.Context, method, path, token string, body any) (*answer, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.cfg.Address+"/v1/"+(&url.URL{Path: path}).EscapedPath(), content)
	if err != nil {
		return nil, errors.New("the address cannot be asked")
	}
	req.Header.Set("X-Vault-Request", "true")
	if token != "" {
		req.Header.Set("X-Vault-Token", token)
	}
	if c.cfg.Namespace != "" {
		req.Header.Set("X-Vault-Namespace", c.cfg.Namespace)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: no answer from %s", ErrAbsent, req.URL.Host)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil || len(text) > maxAnswer:
		return nil, errAnswer
	case res.StatusCode == http.StatusNoContent:
		return &answer{}, nil
	case res.StatusCode != http.StatusOK:
		return nil, statusError(res.StatusCode)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, errAnswer
	}
	return &a, nil
}
