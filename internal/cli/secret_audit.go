package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/config"
)

// searchedEvery is how often a long search says how far it is.
const searchedEvery = 5 * time.Second

func (r *run) secretAudit() *cobra.Command {
	var online bool
	var further []string
	c := &cobra.Command{
		Use: "audit", Short: "Look for the values of secrets where none belongs", Args: cobra.NoArgs,
		Long: `Look for the values of all secrets of the configuration, and of the planted canaries, in what Doorward has
written: data_dir with the records, their index, spools and stores, the lock file, copies and checkpoints in files; in
the configuration; and in what --path names. A value is looked for as it is, in base64, base32 and hexadecimal, also
split into lines or by blanks and colons, with the escapes of URLs, HTML, JSON and quoted-printable, and reversed; of
a key in a file, each line, too. Files that end with .gz are looked into. A
secret in the very file that its own reference names is no find.

It prints the file, the byte and the name of the secret, never the value. Nothing is changed, and a gateway may run
meanwhile. Secrets of Vault are read, and looked for, with --online alone. Links are not followed but for those that
--path names. What is encrypted, or compressed in another way, is not looked into.

Exit 0 when nothing was found, 3 when something was, 1 when nothing was found and not everything could be looked at.`,
		Example: `  doorward secret audit
  doorward secret audit --path /var/log/doorward --path backup.tar.gz
  doorward secret audit --online --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := r.load()
			if err != nil {
				return err
			}
			out, err := app.SearchSecrets(cmd.Context(), app.SecretSearch{
				Config: cfg, Path: r.config, Environment: r.Environ, Further: further, Progress: r.searching(),
				Skip: func(s config.Secret) string { return unaskedSecret(cfg, s, false, online) },
			})
			if cmd.Context().Err() != nil {
				err = errors.New("interrupted")
			}
			if err != nil {
				return failed(err)
			}
			return failed(r.putSearch(out))
		},
	}
	c.Flags().BoolVar(&online, "online", false, "ask Vault for its secrets, too")
	c.Flags().StringArrayVar(&further, "path", nil, "a file or directory to look at beside Doorward's own; may be repeated")
	return c
}

// searching says on stderr, now and then, how far a search is.
func (r *run) searching() func(files int, bytes int64) {
	if r.quiet {
		return nil
	}
	next := time.Now().Add(searchedEvery)
	return func(files int, bytes int64) {
		if now := time.Now(); now.After(next) {
			next = now.Add(searchedEvery)
			_, _ = fmt.Fprintf(r.errs(), "looked at %d files, %d MiB\n", files, bytes>>20)
		}
	}
}

func (r *run) putSearch(out *app.SecretsSought) error {
	if err := r.put(out, func(w io.Writer) error { return searchText(w, out) }); err != nil {
		return err
	}
	for _, one := range out.Unsought {
		r.say("not looked for: %s: %s", one.Name, visible(one.Why))
	}
	for _, why := range out.Unlooked {
		_, _ = fmt.Fprintf(r.errs(), "doorward: not looked at: %s\n", visible(why))
	}
	r.say("looked for %d values of secrets and canaries in %d files (%d MiB): %d places", len(out.Sought), out.Files, out.Bytes>>20, len(out.Found)+out.More)
	switch {
	case len(out.Found) > 0:
		return &exit{code: exitFindings}
	case len(out.Unlooked) > 0:
		return errors.New("not everything could be looked at")
	}
	return nil
}

func searchText(w io.Writer, out *app.SecretsSought) error {
	if len(out.Found) == 0 {
		return nil
	}
	err := table(w, "FILE\tBYTE\tSECRET", out.Found, func(f app.SecretFound) string {
		at := fmt.Sprint(f.Offset)
		switch {
		case f.InName:
			at = "its name"
		case f.Decompressed:
			at += " decompressed"
		}
		return strings.Join([]string{visible(f.File), at, visible(strings.Join(f.Secrets, ", "))}, "\t")
	})
	if err == nil && out.More > 0 {
		_, err = fmt.Fprintf(w, "and %d more\n", out.More)
	}
	return err
}
