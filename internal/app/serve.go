package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"doorward/internal/admin"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/listen"
)

// Serve runs the gateway over HTTP until ctx ends, then ends it. ready is
// called once, when clients can connect and every upstream has been looked at
// or has not answered in time.
func (a *App) Serve(ctx context.Context, ready func()) error {
	if err := a.begin(ctx, true); err != nil {
		return errors.Join(err, a.Close())
	}
	var stop []func(context.Context) error
	if a.primary { // the others on its data_dir are operated through it
		socket, err := admin.Listen(a.Config.DataDir, a, a.Log)
		if err != nil {
			return errors.Join(err, a.Close())
		}
		stop = append(stop, socket.Close)
	}
	if addr := a.Config.Admin.Address.String(); addr != "" {
		health, err := admin.ListenHealth(addr, a, a.Log)
		if err != nil {
			return errors.Join(fmt.Errorf("listening on admin.address %s: %w", addr, err), a.end(stop))
		}
		stop = append(stop, health.Close)
	}
	ln, secure, err := a.listen(ctx)
	if err != nil {
		return errors.Join(err, a.end(stop))
	}
	serving := make(chan error, 1)
	go func() { serving <- a.front.Serve(ln, secure) }()
	a.watch(a.ctx)
	a.lookAtUpstreams(ctx)
	a.ready.Store(true)
	if ready != nil {
		ready()
	}
	select {
	case <-ctx.Done():
		a.leave()
		err = a.end(stop)
		return errors.Join(err, <-serving)
	case err = <-serving:
		return errors.Join(err, a.end(stop))
	}
}

// begin makes ready to serve: every secret that is required, what gateways share, and
// where clients come over the network the issuers of tokens.
func (a *App) begin(ctx context.Context, network bool) error {
	if err := a.sealing(); err != nil {
		return err
	}
	secrets, err := a.secrets(a.Config, true)
	if err != nil {
		return err
	}
	a.network = network
	if err := a.keys.Healthy(); err != nil {
		return opening("API keys", restorable(err))
	}
	if err := a.shared.connect(ctx, a.Config.State, secrets); err != nil {
		return fmt.Errorf("opening state: %w", err)
	}
	a.fallback(&a.Config.Limits)
	if err := a.openTelemetry(a.Config, secrets); err != nil {
		return err
	}
	snap, err := a.snapshot(a.Config, true)
	if err != nil {
		return err
	}
	if network {
		if err := a.dropUnadmitted(ctx, &a.Config.Identity); err != nil {
			return fmt.Errorf("dropping the approvals of those who are let in no more: %w", err)
		}
	}
	a.current.Store(snap)
	if err := a.builtins.now().ready(); err != nil {
		return opening("built-in servers", err)
	}
	a.own(a.watchRecords) // before others say that the log is not theirs
	if err := a.tellOfLosses(ctx); err != nil {
		return fmt.Errorf("recording that losses are in force: %w", err)
	}
	a.warn(ctx, a.Config)
	if err := a.tellOfWeaker(ctx, nil, snap.weaker); err != nil {
		return err
	}
	if err := a.openAnchors(ctx, a.Config, secrets); err != nil {
		return opening("witnesses and anchors of the audit log", err)
	}
	if err := a.openSinks(a.Config, secrets); err != nil {
		return opening("copies of the audit log", err)
	}
	if err := a.trail.Event(ctx, gate.Event{Kind: "config.start", Actor: "doorward", Status: "ok", Detail: described(snap, nil)}); err != nil {
		return fmt.Errorf("recording which configuration is in force: %w", err)
	}
	if a.vault != nil {
		a.own(func() { a.vault.Run(a.ctx) })
	}
	a.own(func() { a.notices.Run(a.ctx) })
	a.own(func() { a.enforce(a.ctx) })
	a.own(a.pruneDaily)
	a.own(a.keepQuotas)
	a.own(a.tellOfOverload)
	if a.primary { // the others on its data_dir have the same secrets
		a.own(a.remind)
	}
	a.keepIndex()
	return nil
}

// end closes the gateway and then what serves its operator.
func (a *App) end(stop []func(context.Context) error) error {
	errs := []error{a.Close()}
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	for _, f := range slices.Backward(stop) {
		errs = append(errs, f(ctx))
	}
	return errors.Join(errs...)
}

// listen opens the clients' port, with TLS when it is configured.
func (a *App) listen(ctx context.Context) (net.Listener, *listen.TLS, error) {
	l := a.Config.Listen
	secure, err := a.tls(l.TLS)
	if err != nil {
		return nil, nil, fmt.Errorf("reading listen.tls: %w", err)
	}
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // its sockets cannot be made quiet (listen.Server.Quiesce)
	ln, err := lc.Listen(ctx, "tcp", l.Address.String())
	if err != nil {
		return nil, nil, fmt.Errorf("listening on %s: %w (is another gateway running there?)", l.Address, err)
	}
	scheme := "http"
	if secure != nil {
		scheme = "https"
	}
	url := scheme + "://" + ln.Addr().String() + "/mcp"
	if l.PublicURL != "" {
		url = strings.TrimSuffix(l.PublicURL, "/") + "/mcp"
	}
	a.url.Store(&url)
	return ln, secure, nil
}

// tls reads the certificates; nil where TLS does not end here.
func (a *App) tls(c config.TLS) (*listen.TLS, error) {
	if c.Cert == "" && c.ACME == nil {
		return nil, nil //nolint:nilnil // no TLS is no failure
	}
	conf := listen.TLSConfig{
		Cert: c.Cert, Key: c.Key, MinVersion: tls.VersionTLS12, Log: a.Log,
		ClientCA: c.ClientCA, ClientCRL: c.ClientCRL, OptionalClient: c.ClientCertificate == "optional",
	}
	if c.MinVersion == "1.3" {
		conf.MinVersion = tls.VersionTLS13
	}
	if m := c.ACME; m != nil {
		conf.ACME = &listen.ACME{Directory: m.Directory, Email: m.Email, Hosts: m.Hosts, RootCAs: m.CA, CacheDir: filepath.Join(a.Config.DataDir, "acme")}
	}
	return listen.NewTLS(conf)
}

// ServeStdio runs the gateway for one client on in and out until in ends, ctx
// ends, or the client is gone; then it ends the gateway.
func (a *App) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	if err := a.begin(ctx, false); err != nil {
		return errors.Join(err, a.Close())
	}
	var stop []func(context.Context) error
	if a.primary {
		socket, err := admin.Listen(a.Config.DataDir, a, a.Log)
		if err != nil {
			return errors.Join(err, a.Close())
		}
		stop = append(stop, socket.Close)
	}
	a.watch(a.ctx)
	a.ready.Store(true)
	err := a.front.ServeStdio(ctx, in, out)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, a.end(stop))
}

// look is how long one upstream may take to show what it offers at the start.
const look = 20 * time.Second

// lookAtUpstreams asks every upstream what it offers, all at once. One that
// fails is logged and asked again when a client needs it.
func (a *App) lookAtUpstreams(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, look)
	defer cancel()
	var wg sync.WaitGroup
	for name := range a.current.Load().cfg.Upstreams {
		wg.Go(func() {
			if err := a.observe(ctx, name); err != nil {
				a.Log.WarnContext(ctx, "upstream not available", "upstream", name, "error", err)
			}
		})
	}
	wg.Wait()
}

// observe asks one upstream what it offers and takes note of it for review.
func (a *App) observe(ctx context.Context, name string) error {
	seen, err := a.pool.Observe(ctx, name)
	a.seen(seen.Items)
	if err == nil {
		a.offered.saw(name, seen.Items)
	}
	return err
}

// URL is where clients connect; empty before Serve listens.
func (a *App) URL() string {
	if u := a.url.Load(); u != nil {
		return *u
	}
	return ""
}
