package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"doorward/internal/app"
	"doorward/internal/bridge"
	"doorward/internal/login"
	"doorward/internal/secret"
)

// remote relays the client on stdin and stdout to the gateway at url.
func (r *run) remote(ctx context.Context, url, key string) error {
	if _, err := bridge.Address(url); err != nil {
		return fmt.Errorf("--remote: %w", err)
	}
	from, err := reference("--key", key)
	if err != nil {
		return err
	}
	credential, err := r.credential(url, from)
	if err != nil {
		return failed(err)
	}
	level := slog.LevelWarn
	if r.quiet {
		level = slog.LevelError
	}
	return failed(bridge.Run(ctx, bridge.Options{
		URL: url, Credential: credential, In: r.Stdin, Out: r.Stdout, Agent: "doorward/" + r.Version,
		Log: app.TextLog(r.errs(), level),
	}))
}

// credential is the key that --key names, or the login for the gateway.
func (r *run) credential(url, from string) (bridge.Credential, error) {
	if from != "" {
		store, err := r.held(from)
		if err != nil {
			return nil, fmt.Errorf("--key: %w", err)
		}
		return remoteKey{store}, nil
	}
	keeper, err := r.keeper(true)
	if err != nil {
		return nil, err
	}
	source, err := keeper.Source(login.Request{URL: url}, login.NoFlow)
	if err != nil {
		return nil, err
	}
	return &remoteLogin{source: source, url: url}, nil
}

// remoteKey is a key that the user keeps somewhere.
type remoteKey struct{ store *secret.Store }

// Token implements bridge.Credential. A file that has changed is read again.
func (k remoteKey) Token(context.Context) (string, error) {
	v, err := k.store.Get(heldName)
	if err != nil {
		return "", fmt.Errorf("--key: %w", err)
	}
	return v.Header()
}

// Renew implements bridge.Credential.
func (k remoteKey) Renew(ctx context.Context, refused string) (string, error) {
	text, err := k.Token(ctx)
	if err == nil && text == refused {
		err = errors.New("the gateway does not accept the key that --key names: make another with doorward key create, on the gateway's machine")
	}
	return text, err
}

// Lacks implements bridge.Credential.
func (k remoteKey) Lacks(h http.Header) string {
	lacking, ok := login.Lacking(h)
	if !ok {
		return ""
	}
	return "the key lacks what has the scopes " + strings.Join(lacking, " ") + ": ask who runs the gateway for a key with another role"
}

// remoteLogin is a login that doorward login has made.
type remoteLogin struct {
	source *login.Source
	url    string
	used   atomic.Bool // there was a token
}

// Token implements bridge.Credential. Without a login nothing is sent, for there
// are gateways that ask for nothing; a login that has ended is not the same.
func (a *remoteLogin) Token(ctx context.Context) (string, error) {
	text, _, err := a.source.Token(ctx)
	if errors.Is(err, login.ErrNone) && !a.used.Load() {
		return "", nil
	}
	if err != nil {
		return "", a.advice(err)
	}
	a.used.Store(true)
	return text, nil
}

// Renew implements bridge.Credential.
func (a *remoteLogin) Renew(ctx context.Context, refused string) (string, error) {
	text, _, err := a.source.Renew(ctx, refused)
	if err != nil {
		return "", a.advice(err)
	}
	a.used.Store(true)
	return text, nil
}

func (a *remoteLogin) advice(err error) error {
	if !errors.Is(err, login.ErrSignIn) {
		return err
	}
	return fmt.Errorf("%w: run doorward login %s, or give a key with --key", err, a.url)
}

// Lacks implements bridge.Credential. The scopes of before are asked for again,
// or the next token would lack those. What the gateway writes is quoted: people
// copy such a line into a shell.
func (a *remoteLogin) Lacks(h http.Header) string {
	lacking, ok := login.Lacking(h)
	if !ok {
		return ""
	}
	all := append(a.source.Scopes(), lacking...)
	slices.Sort(all)
	return fmt.Sprintf("the token lacks the scopes %s: run doorward login %s --scope %s",
		strings.Join(lacking, " "), a.url, quoted(strings.Join(slices.Compact(all), ",")))
}
