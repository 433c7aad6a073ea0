package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
)

// How a device asks whether the person has signed in (RFC 8628, 3.2 and 3.5).
const (
	defaultInterval = 5 * time.Second // where the server names none
	maxInterval     = time.Minute
	slower          = 5 * time.Second // for each slow_down
	defaultLife     = 10 * time.Minute
	maxLife         = 30 * time.Minute
	maxUserCode     = 64 // bytes
)

// device is what the server tells the person to type in where.
type device struct {
	code     string
	interval time.Duration
	life     time.Duration
}

// point signs a person in on another device (RFC 8628).
func (k *Keeper) point(ctx context.Context, w *web, a *attempt) (*granted, error) {
	if a.server.Device == "" {
		return nil, errors.New("the authorization server has no device_authorization_endpoint: sign in with a browser")
	}
	var err error
	if a.proof, err = k.identify(ctx, w, a.server, a.request, ""); err != nil {
		return nil, err
	}
	form := url.Values{"resource": {a.resource}}
	if len(a.scopes) > 0 {
		form.Set("scope", strings.Join(a.scopes, " "))
	}
	said, err := w.post(ctx, a.server.Device, a.proof, form)
	if err != nil {
		return nil, err
	}
	d, text, err := w.readDevice(said.body)
	if err != nil {
		return nil, err
	}
	k.opts.Say(text)
	ctx, cancel := context.WithTimeoutCause(ctx, d.life, errors.New("nobody has signed in before the code's time was over"))
	defer cancel()
	return w.poll(ctx, a, d)
}

// readDevice reads the server's answer, and makes of it what the person is told.
func (w *web) readDevice(body []byte) (*device, string, error) {
	var said struct {
		Device   string          `json:"device_code"`
		User     string          `json:"user_code"`
		At       string          `json:"verification_uri"`
		Complete string          `json:"verification_uri_complete"`
		Expires  json.RawMessage `json:"expires_in"`
		Interval json.RawMessage `json:"interval"`
	}
	if err := jsonv2.Unmarshal(body, &said); err != nil {
		return nil, "", errors.New("the authorization server's answer is no JSON object of RFC 8628")
	}
	if !goodToken(said.Device) || said.User == "" || len(said.User) > maxUserCode {
		return nil, "", errors.New("the authorization server's answer lacks a code")
	}
	if _, err := w.visit(said.At); err != nil {
		return nil, "", fmt.Errorf("the verification_uri %q %w", shown(said.At, maxText), err)
	}
	text := fmt.Sprintf("To sign in, go to this address on any device:\n  %s\nand type in the code:\n  %s", said.At, shown(said.User, maxUserCode))
	if said.Complete != "" {
		if _, err := w.visit(said.Complete); err != nil {
			return nil, "", fmt.Errorf("the verification_uri_complete %q %w", shown(said.Complete, maxText), err)
		}
		text += "\nor go to:\n  " + said.Complete + "\nand see that it shows that code."
	}
	d := &device{code: said.Device}
	var err error
	if d.interval, err = seconds(said.Interval, defaultInterval, maxInterval); err != nil {
		return nil, "", fmt.Errorf("the interval %w", err)
	}
	if d.life, err = seconds(said.Expires, defaultLife, maxLife); err != nil {
		return nil, "", fmt.Errorf("the expires_in %w", err)
	}
	return d, text, nil
}

// seconds reads a number of seconds, at least one and at most limit.
func seconds(raw []byte, otherwise, limit time.Duration) (time.Duration, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return otherwise, nil
	}
	var n float64
	if json.Unmarshal(raw, &n) != nil || !(n >= 0) {
		return 0, errors.New("is no number of seconds")
	}
	if n >= limit.Seconds() {
		return limit, nil
	}
	return max(time.Duration(n*float64(time.Second)), time.Second), nil
}

// poll asks again and again, no more often than the server wants.
func (w *web) poll(ctx context.Context, a *attempt, d *device) (*granted, error) {
	for interval := d.interval; ; {
		w.rest() // the pauses are long for a connection that is kept
		if err := pause(ctx, interval); err != nil {
			return nil, err
		}
		g, err := w.grant(ctx, a.server.Token, a.proof, url.Values{"grant_type": {grantDevice}, "device_code": {d.code}}, a.resource)
		switch {
		case err == nil:
			return g, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case refuses(err, "authorization_pending"):
		case refuses(err, "slow_down"):
			interval += slower
		case !timedOut(err):
			return nil, err
		default:
			interval = min(2*interval, maxInterval) // RFC 8628, 3.5: back off when the connection times out
		}
	}
}

// pause waits, or returns why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// timedOut tells whether nothing came in time.
func timedOut(err error) bool {
	late, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && late.Timeout()
}
