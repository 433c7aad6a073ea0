// Package collector posts batches to whoever collects them: an OpenTelemetry collector
// by OTLP, over HTTP or gRPC, or any receiver over HTTP. sink and telemetry make the
// batches and call it. It follows no redirect, asks no proxy, reads nothing of the
// environment and connects to no address that webhook.Dialer refuses; it tries once, and
// tells nothing of the URL, of secrets and of what a receiver said.
package collector
