package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// stream is an answer that is written as it is made.
type stream struct {
	kind string // media type
	to   func(io.Writer) error
}

// pour writes a stream. Once something of it has left there is no other way to tell of
// an error than to break the connection off.
func pour(w http.ResponseWriter, s stream) {
	out := &begun{w: w, kind: s.kind}
	if err := s.to(out); err != nil {
		if out.any {
			panic(http.ErrAbortHandler)
		}
		status, f := statusOf(err)
		answer(w, status, f)
	}
}

// begun says the status with the first byte.
type begun struct {
	w    http.ResponseWriter
	kind string
	any  bool
}

// Write implements io.Writer.
func (b *begun) Write(p []byte) (int, error) {
	if !b.any {
		b.any = true
		b.w.Header().Set("Content-Type", b.kind)
		b.w.WriteHeader(http.StatusOK)
	}
	return b.w.Write(p)
}

// Export implements Privacy.
func (c *Client) Export(ctx context.Context, _ string, w Whom, to io.Writer) error {
	b, err := json.Marshal(w)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gateway/v1/privacy/export", bytes.NewReader(b))
	if err != nil {
		return err
	}
	res, err := c.patient().http.Do(req)
	if err != nil {
		return fmt.Errorf("calling the gateway: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return faultOf(res)
	}
	if _, err := io.Copy(to, res.Body); err != nil {
		return fmt.Errorf("the gateway broke off: %w", err)
	}
	return nil
}

func privacyRoutes() []Route {
	return []Route{
		{"POST /v1/privacy/erase", PrivacyErase, withBody(func(ctx context.Context, op Operator, actor string, e Erasure) (any, error) {
			return op.Erase(ctx, actor, e)
		})},
		{"POST /v1/privacy/rectify", PrivacyRectify, withBody(func(ctx context.Context, op Operator, actor string, r Rectification) (any, error) {
			return op.Rectify(ctx, actor, r)
		})},
		{"POST /v1/privacy/breach", PrivacyBreach, withBody(func(ctx context.Context, op Operator, actor string, t Touch) (any, error) {
			return op.Breach(ctx, actor, t)
		})},
		{"GET /v1/privacy/register", PrivacyRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.Register(r.Context())
		}},
		{"POST /v1/privacy/export", PrivacyExport, withBody(func(ctx context.Context, op Operator, actor string, w Whom) (any, error) {
			return stream{"application/zip", func(to io.Writer) error { return op.Export(ctx, actor, w, to) }}, nil
		})},
	}
}
