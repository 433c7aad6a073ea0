package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/login"
)

// signedIn is a login as it is shown: without the token.
type signedIn struct {
	Resource  string    `json:"resource"`
	Issuer    string    `json:"issuer"`
	ClientID  string    `json:"client_id"`
	Scopes    []string  `json:"scopes"`
	Expires   time.Time `json:"expires,omitzero"`
	Renewable bool      `json:"renewable"`
}

func (r *run) loginCommand() *cobra.Command {
	var f signInFlags
	var forget bool
	c := &cobra.Command{
		Use: "login [URL]", Short: "Sign in to a gateway, for doorward token and doorward stdio --remote", Args: cobra.MaximumNArgs(1),
		Long: `Sign in to the gateway at URL with a browser, or with --device on another device, and keep what
is needed to renew the token until somebody forgets the login. Which authorization server and
which scopes, the gateway says. Without URL the gateway and its first issuer are those of the
configuration. Exit 3 when the authorization server refuses.`,
		Example: `  doorward login https://mcp.example.com/mcp
  doorward login https://mcp.example.com/mcp --device
  doorward login https://mcp.example.com/mcp --issuer https://id.example.com --client-id doorward --scope mcp:read:documents
  doorward login --forget https://mcp.example.com/mcp`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if forget {
				return r.forget(cmd.Context(), f, first(args))
			}
			return r.login(cmd.Context(), f, first(args))
		},
	}
	f.add(c)
	c.Flags().BoolVar(&f.device, "device", false, "sign in on another device: print a code, and where to type it in")
	c.Flags().BoolVar(&forget, "forget", false, "forget the logins for the gateway, and tell the authorization server where it wants to know")
	return c
}

func (r *run) login(ctx context.Context, f signInFlags, url string) error {
	want, err := r.wanted(&f, url)
	if err != nil {
		return err
	}
	keeper, err := r.keeper(f.noBrowser)
	if err != nil {
		return failed(err)
	}
	flow := login.Browser
	if f.device {
		flow = login.Device
	}
	tok, err := keeper.SignIn(ctx, want, flow)
	if err != nil {
		return signInFault(err, want)
	}
	shown := signedIn{tok.Resource, tok.Issuer, tok.ClientID, tok.Scopes, tok.Expires, tok.Renewable}
	return failed(r.put(shown, func(io.Writer) error {
		r.say("Signed in to %s", visible(tok.Resource))
		r.say("  at %s, as the client %s", visible(tok.Issuer), visible(tok.ClientID))
		if len(tok.Scopes) > 0 {
			r.say("  scopes: %s", visible(strings.Join(tok.Scopes, " ")))
		}
		r.say("  %s", lasts(tok))
		return nil
	}))
}

// lasts says how long a login is good.
func lasts(tok *login.Token) string {
	switch {
	case tok.Renewable:
		return "the token is renewed by itself"
	case tok.Expires.IsZero():
		return "the authorization server does not say how long the token is good"
	}
	return "the token is good until " + day(tok.Expires) + ", and then somebody has to sign in again"
}

func (r *run) forget(ctx context.Context, f signInFlags, url string) error {
	want, err := r.wanted(&f, url)
	if err != nil {
		return err
	}
	keeper, err := r.keeper(true)
	if err != nil {
		return failed(err)
	}
	n, err := keeper.Forget(ctx, want)
	switch {
	case n > 0:
		r.say("forgot %s", counted(n))
	case err == nil:
		err = errors.New("there is no login for this gateway")
	}
	if errors.Is(err, login.ErrRequest) {
		return err
	}
	return failed(err)
}

func counted(n int) string {
	if n == 1 {
		return "1 login"
	}
	return fmt.Sprintf("%d logins", n)
}
