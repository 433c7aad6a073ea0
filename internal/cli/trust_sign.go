package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/config"
	"doorward/internal/lock"
)

func (r *run) trustKeygen() *cobra.Command {
	return &cobra.Command{
		Use: "keygen FILE", Short: "Make a key to sign the lock with, and print its line for trust.signers", Args: cobra.ExactArgs(1),
		Example: "  doorward trust keygen ~/.config/doorward/lock.pem",
		RunE: func(_ *cobra.Command, args []string) error {
			line, err := lock.NewKey(args[0])
			if err != nil {
				return failed(err)
			}
			return r.put(map[string]string{"signer": line}, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, line)
				return err
			})
		},
	}
}

func (r *run) trustSign() *cobra.Command {
	return &cobra.Command{
		Use: "sign", Short: "Sign the lock file as it is, once you have reviewed it", Args: cobra.NoArgs,
		Long: `Sign the lock file as it is, with the key of trust.signing and the next number: one that was not signed yet,
that two branches changed, or that was taken back to an older version on purpose. Whatever is in it is approved by that,
so review it first. Approving and rejecting sign by themselves.`,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := r.load()
			if err != nil {
				return err
			}
			sign, err := app.LockSigning(cfg)
			if err != nil {
				return failed(err)
			}
			n, err := lock.Sign(cfg.Trust.Lock, sign)
			if err != nil {
				return failed(err)
			}
			r.say("%s is signed, with number %d", cfg.Trust.Lock, n)
			return nil
		},
	}
}

// believed is an error with the exit code of findings where the lock file is not
// one to be believed, whatever a running gateway has in memory.
func believed(cfg *config.Config) error {
	sign, err := app.LockSigning(cfg)
	if err != nil {
		return failed(err)
	}
	_, err = lock.Verify(cfg.Trust.Lock, sign)
	if _, ok := errors.AsType[*lock.Untrusted](err); ok {
		return &exit{code: exitFindings, err: fmt.Errorf("lock file %s: %w", cfg.Trust.Lock, err)}
	}
	return failed(err)
}
