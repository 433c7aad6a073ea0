package sink

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"doorward/internal/collector"
	"doorward/internal/gate"
	"doorward/internal/sink/form"
)

// OTLPConfig is an OpenTelemetry collector. Endpoint is required.
type OTLPConfig struct {
	Endpoint string // its URL without a path: https, or http on loopback
	GRPC     bool   // speak gRPC, usually on port 4317; else HTTP, usually on 4318
	Token    func() (gate.Secret, error)
	Roots    *x509.CertPool
	Version  string
}

type otlpReceiver struct {
	*collector.Collector
	version string
}

// NewOTLP makes a receiver of log records by OTLP.
func NewOTLP(c OTLPConfig) (Receiver, error) {
	to, err := collector.New(collector.Config{Endpoint: c.Endpoint, GRPC: c.GRPC, Token: c.Token, Roots: c.Roots})
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	return &otlpReceiver{to, c.Version}, nil
}

// errRejected is the error of a collector that took a part alone. OTLP says that such
// a request is not sent again; a copy of the audit log that misses records is none.
var errRejected = errors.New("the collector has rejected some of the records")

// Deliver exports the batch, which is below 2 MiB.
func (o *otlpReceiver) Deliver(ctx context.Context, batch []form.Record) error {
	err := o.Export(ctx, collector.Logs, form.OTLP(batch, o.version))
	if errors.Is(err, collector.ErrRejected) {
		return errRejected
	}
	return err
}

// Close implements Receiver.
func (o *otlpReceiver) Close() error {
	o.Collector.Close()
	return nil
}
