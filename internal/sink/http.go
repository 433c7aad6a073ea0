package sink

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"

	"doorward/internal/collector"
	"doorward/internal/gate"
	"doorward/internal/sink/form"
)

// HTTPConfig is a receiver of batches over HTTP. URL is required.
type HTTPConfig struct {
	URL     string                      // https, or http on loopback; no user name, no fragment
	Format  string                      // json or ocsf
	Token   func() (gate.Secret, error) // a bearer token, asked for every batch; nil: none
	Roots   *x509.CertPool              // nil: the system's
	Version string                      // of Doorward
}

type httpReceiver struct {
	HTTPConfig
	client *http.Client
}

// NewHTTP makes a receiver of batches as a JSON array. No error repeats the URL.
func NewHTTP(c HTTPConfig) (Receiver, error) {
	client, err := collector.NewClient(c.URL, c.Roots, nil)
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	if c.Format != "json" && c.Format != "ocsf" {
		return nil, fmt.Errorf("sink: the format must be json or ocsf, not %q", c.Format)
	}
	return &httpReceiver{c, client}, nil
}

// Deliver posts the batch. Any status of 200 to 299 has taken all of it.
func (h *httpReceiver) Deliver(ctx context.Context, batch []form.Record) error {
	body := []byte{'['}
	for i := range batch {
		if i > 0 {
			body = append(body, ',', '\n')
		}
		one, err := h.element(&batch[i])
		if err != nil {
			return err
		}
		body = append(body, one...)
	}
	_, err := collector.Post(ctx, h.client, collector.Request{URL: h.URL, Kind: "application/json", Body: append(body, ']'), Token: h.Token})
	return err
}

// element is one record: its line beside the name of its log, or an event of OCSF.
func (h *httpReceiver) element(r *form.Record) ([]byte, error) {
	if h.Format == "ocsf" {
		return form.OCSF(r, h.Version)
	}
	return form.Keyed(r)
}

// Close implements Receiver.
func (h *httpReceiver) Close() error {
	h.client.CloseIdleConnections()
	return nil
}
