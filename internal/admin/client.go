package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"doorward/internal/gate"
)

// Client is an Operator that speaks to a running gateway's socket. The actor it
// is given is ignored: the gateway asks the kernel who calls.
type Client struct{ http *http.Client }

// ErrNoGateway says that no gateway runs on the data directory.
var ErrNoGateway = errors.New("no running gateway")

// Dial finds the gateway that runs on dataDir, or ErrNoGateway.
func Dial(ctx context.Context, dataDir string) (*Client, error) {
	conn, err := dialUnix(ctx, dataDir)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrNoGateway, err)
	}
	_ = conn.Close()
	return &Client{http: &http.Client{
		Timeout: 2 * time.Minute, // approving may ask slow upstreams
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dialUnix(ctx, dataDir) },
		},
	}}, nil
}

// Close lets go of the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// patient is the client for what reads every record: a long log takes longer than a
// call. Whoever waits ends it with the context.
func (c *Client) patient() *Client { return &Client{http: &http.Client{Transport: c.http.Transport}} }

// do makes one call; body nil means GET.
func do[T any](ctx context.Context, c *Client, path string, body any) (T, error) {
	var out T
	method, payload := http.MethodGet, io.Reader(nil)
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return out, err
		}
		method, payload = http.MethodPost, bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://gateway"+path, payload)
	if err != nil {
		return out, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return out, fmt.Errorf("calling the gateway: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	dec := json.NewDecoder(io.LimitReader(res.Body, 256<<20))
	if res.StatusCode != http.StatusOK {
		return out, faultOf(res)
	}
	return out, dec.Decode(&out)
}

// faultOf is the error that an answer tells of.
func faultOf(res *http.Response) error {
	var f fault
	if err := json.NewDecoder(io.LimitReader(res.Body, maxFault)).Decode(&f); err != nil {
		return fmt.Errorf("the gateway answered %s", strconv.Itoa(res.StatusCode))
	}
	if f.Code == string(gate.CodeParams) {
		return errors.New(f.Error) // the text says what is wrong
	}
	return fmt.Errorf("%s (%s)", f.Error, f.Code)
}

// maxFault bounds an error on the wire, in bytes.
const maxFault = 1 << 20

// CreateKey implements Keys.
func (c *Client) CreateKey(ctx context.Context, _ string, req KeyRequest) (NewKey, error) {
	return do[NewKey](ctx, c, "/v1/keys", req)
}

// ListKeys implements Keys.
func (c *Client) ListKeys(ctx context.Context) ([]Key, error) {
	return do[[]Key](ctx, c, "/v1/keys", nil)
}

// RotateKey implements Keys.
func (c *Client) RotateKey(ctx context.Context, _, id string, overlap time.Duration) (NewKey, error) {
	return do[NewKey](ctx, c, "/v1/keys/rotate", keyRef{ID: id, Overlap: overlap})
}

// RevokeKey implements Keys.
func (c *Client) RevokeKey(ctx context.Context, _, id string) error {
	_, err := do[struct{}](ctx, c, "/v1/keys/revoke", keyRef{ID: id})
	return err
}

// Entries implements Trust.
func (c *Client) Entries(ctx context.Context, r Review) ([]Entry, error) {
	q := url.Values{"upstream": {r.Upstream}, "refresh": {strconv.FormatBool(r.Refresh)}, "shown": {strconv.FormatBool(r.Shown)}}
	return do[[]Entry](ctx, c, "/v1/trust?"+q.Encode(), nil)
}

// Detail implements Trust.
func (c *Client) Detail(ctx context.Context, upstream, kind, name string) (Detail, error) {
	q := url.Values{"upstream": {upstream}, "kind": {kind}, "name": {name}}
	return do[Detail](ctx, c, "/v1/trust/item?"+q.Encode(), nil)
}

// Approve implements Trust.
func (c *Client) Approve(ctx context.Context, _ string, refs []Ref) (int, error) {
	n, err := do[count](ctx, c, "/v1/trust/approve", refs)
	return n.Count, err
}

// Reject implements Trust.
func (c *Client) Reject(ctx context.Context, _ string, refs []Ref) (int, error) {
	n, err := do[count](ctx, c, "/v1/trust/reject", refs)
	return n.Count, err
}

// Status implements Gateway.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return do[Status](ctx, c, "/v1/status", nil)
}

// Reload implements Gateway.
func (c *Client) Reload(ctx context.Context, _ string) error {
	_, err := do[struct{}](ctx, c, "/v1/reload", struct{}{})
	return err
}

var _ Operator = (*Client)(nil)
