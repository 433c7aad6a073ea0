package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/login"
	"doorward/internal/secret"
)

// signInFlags are those of token and login: which token, for whom, from where.
type signInFlags struct {
	issuer, resource        string
	client                  login.Client
	scopes                  []string
	port                    int
	device, browser         bool
	noBrowser               bool
	clientSecret, clientKey string
}

func (f *signInFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.issuer, "issuer", "", "the authorization server (default: the first that the gateway names)")
	flags.StringVar(&f.resource, "resource", "", "what the token is for, instead of URL: the gateway is not asked then, and --issuer is needed")
	flags.StringVar(&f.client.ID, "client-id", "", "client id that the authorization server knows (default: Doorward registers itself)")
	flags.StringVar(&f.client.Document, "client-id-metadata", "", "URL of a client ID metadata document, for authorization servers that read those")
	flags.StringVar(&f.clientSecret, "client-secret", "", "where the client's secret is: env:NAME or file:PATH, never the secret itself; needs --issuer")
	flags.StringVar(&f.clientKey, "client-key", "", "where the client's private key is (PEM or JSON Web Key), for private_key_jwt: env:NAME or file:PATH; needs --issuer")
	flags.StringSliceVar(&f.scopes, "scope", nil, "scope to ask for; may be repeated (default: those that the gateway asks for)")
	flags.IntVar(&f.port, "redirect-port", 0, "port of http://127.0.0.1:PORT/callback, for an authorization server that compares it (default: any)")
	flags.BoolVar(&f.noBrowser, "no-browser", false, "print the address to go to, and open no browser")
}

func (r *run) tokenCommand() *cobra.Command {
	var f signInFlags
	c := &cobra.Command{
		Use: "token [URL]", Short: "Print an access token for a gateway", Args: cobra.MaximumNArgs(1),
		Long: `Print an access token for the gateway at URL, and nothing else, on stdout. It is the one of
the last doorward login, renewed when its time is nearly over. With --client-secret or
--client-key it is a job's own (client credentials); with --device or --browser somebody
signs in when there is no login. Without URL the gateway and its first issuer are those of the
configuration.

Tokens are kept in $XDG_STATE_HOME/doorward/tokens (~/.local/state/doorward/tokens), readable by
their owner alone. Exit 3 when the authorization server refuses.`,
		Example: `  curl -H "Authorization: Bearer $(doorward token https://mcp.example.com/mcp)" https://mcp.example.com/mcp
  doorward token https://mcp.example.com/mcp --issuer https://id.example.com --client-id ci --client-secret env:CI_SECRET
  doorward token --resource https://mcp.example.com/mcp --issuer https://id.example.com --client-id ci --client-key file:ci.pem
  doorward token https://mcp.example.com/mcp --device --format json`,
		RunE: func(cmd *cobra.Command, args []string) error { return r.token(cmd.Context(), f, first(args)) },
	}
	f.add(c)
	c.Flags().BoolVar(&f.device, "device", false, "without a login, sign in on another device")
	c.Flags().BoolVar(&f.browser, "browser", false, "without a login, sign in with a browser on this machine")
	return c
}

func (r *run) token(ctx context.Context, f signInFlags, url string) error {
	want, err := r.wanted(&f, url)
	if err != nil {
		return err
	}
	flow, err := f.flow()
	if err != nil {
		return err
	}
	keeper, err := r.keeper(f.noBrowser)
	if err != nil {
		return failed(err)
	}
	source, err := keeper.Source(want, flow)
	if err != nil {
		return signInFault(err, want)
	}
	tok, err := source.Current(ctx)
	if errors.Is(err, login.ErrSignIn) && flow != login.NoFlow {
		tok, err = keeper.SignIn(ctx, want, flow)
	}
	if err != nil {
		return signInFault(err, want)
	}
	return failed(r.put(tok, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, tok.Access)
		return err
	}))
}

// flow is how somebody signs in where there is no login; none unless it was said.
func (f *signInFlags) flow() (login.Flow, error) {
	switch {
	case f.device && f.browser:
		return login.NoFlow, errors.New("--device and --browser are two ways to sign in: leave one of them out")
	case f.device:
		return login.Device, nil
	case f.browser:
		return login.Browser, nil
	case f.client.Secret != "" || f.client.Key != "":
		return login.Machine, nil
	}
	return login.NoFlow, nil
}

// wanted is the request that the arguments make, with what the configuration
// says where they name no gateway.
func (r *run) wanted(f *signInFlags, url string) (login.Request, error) {
	var err error
	if f.client.Secret, err = reference("--client-secret", f.clientSecret); err != nil {
		return login.Request{}, err
	}
	if f.client.Key, err = reference("--client-key", f.clientKey); err != nil {
		return login.Request{}, err
	}
	if url != "" && f.resource != "" {
		return login.Request{}, errors.New("--resource stands in the place of URL: leave one of them out")
	}
	want := login.Request{URL: url, Resource: f.resource, Issuer: f.issuer, Client: f.client, Port: f.port}
	if f.scopes != nil {
		want.Scopes = strings.Fields(strings.Join(f.scopes, " "))
	}
	if url != "" || f.resource != "" && f.issuer != "" {
		return want, nil
	}
	cfg, err := r.load()
	if err != nil {
		return login.Request{}, err
	}
	if want.Resource == "" {
		if want.Resource, err = gatewayURL(cfg); err != nil {
			return login.Request{}, failed(err)
		}
	}
	if want.Issuer == "" {
		if len(cfg.Identity.Issuers) == 0 {
			return login.Request{}, failed(fmt.Errorf("%s names no issuer (identity.issuers): give the gateway's URL, or --issuer", r.config))
		}
		want.Issuer = cfg.Identity.Issuers[0].Issuer
	}
	return want, nil
}

// keeper is where this user's tokens are.
func (r *run) keeper(noBrowser bool) (*login.Keeper, error) {
	dir, err := r.stateHome()
	if err != nil {
		return nil, err
	}
	o := login.Options{
		Dir:    filepath.Join(dir, "doorward", "tokens"),
		Say:    func(text string) { _, _ = fmt.Fprintln(r.errs(), text) }, // what a person has to do is said also when quiet
		Open:   login.OpenBrowser,
		Secret: r.revealed,
		Agent:  "doorward/" + r.Version,
	}
	if noBrowser {
		o.Open = nil
	}
	return login.New(o), nil
}

// stateHome is the directory for state of the user's (XDG Base Directory
// Specification), which must be absolute to count.
func (r *run) stateHome() (string, error) {
	if dir := r.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home := r.Getenv("HOME")
	if runtime.GOOS == "windows" {
		if dir := r.Getenv("LOCALAPPDATA"); filepath.IsAbs(dir) {
			return dir, nil
		}
		home = cmp.Or(r.Getenv("USERPROFILE"), home)
	}
	if !filepath.IsAbs(home) {
		return "", errors.New("neither XDG_STATE_HOME nor HOME is set: tokens are kept below them")
	}
	return filepath.Join(home, ".local", "state"), nil
}

// reference reads a flag that says where a secret is. A path is made absolute,
// for it is kept. What stands there is not repeated: it may be the secret.
func reference(flag, text string) (string, error) {
	kind, where, _ := strings.Cut(text, ":")
	switch {
	case text == "":
		return "", nil
	case where == "" || kind != "env" && kind != "file":
		return "", fmt.Errorf("%s: want env:NAME or file:PATH, which say where it is; never the secret itself", flag)
	case kind == "env":
		return text, nil
	}
	path, err := filepath.Abs(where)
	if err != nil {
		return "", failed(fmt.Errorf("%s: %w", flag, err))
	}
	return "file:" + path, nil
}

// revealed reads env:NAME or file:PATH.
func (r *run) revealed(from string) (string, error) {
	s, err := r.held(from)
	if err != nil {
		return "", err
	}
	v, err := s.Get(heldName)
	if err != nil {
		return "", err
	}
	return v.Reveal(), nil
}

// heldName is the name of the one secret of held.
const heldName = "credential"

// held is a store with one secret, which it reads again when its file changes.
func (r *run) held(from string) (*secret.Store, error) {
	return secret.Open([]secret.Source{{Name: heldName, From: from, Required: true}}, func(variable string) (string, bool) {
		text := r.Getenv(variable)
		return text, text != ""
	})
}

// signInFault is an error of login as an exit code, and with what to do.
func signInFault(err error, want login.Request) error {
	target := cmp.Or(want.URL, want.Resource)
	switch {
	case errors.Is(err, login.ErrRequest):
		return err
	case errors.Is(err, login.ErrSignIn):
		err = fmt.Errorf("%w: run doorward login %s", err, target)
	}
	if _, refused := errors.AsType[*login.Refusal](err); refused {
		return &exit{code: exitFindings, err: err}
	}
	return failed(err)
}
