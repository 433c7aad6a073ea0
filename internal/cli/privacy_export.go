package cli

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/durable"
)

// Bounds of an export that is read again.
const (
	maxExported = 1000     // files
	maxManifest = 16 << 20 // bytes
)

func (r *run) privacyExport() *cobra.Command {
	var who whom
	var out string
	c := &cobra.Command{
		Use: "export [SUBJECT]", Short: "Write all that is kept about a person", Args: cobra.MaximumNArgs(1),
		Long: `Write all that is kept about one person, and nobody else's data: records with their
arguments, API keys, revocations, approvals, labels, what was learned and alerts, as JSON
with a schema, and a manifest of SHA-256s that the key of the log signs. The export is on
record. Of several people with one name nothing is written until --issuer, --tenant or
--key says which.

With --out FILE.zip the file is there when all of it is, and before not at all; any other
name is a directory that is made.`,
		Example: `  doorward privacy export alice --out alice.zip
  doorward privacy export alice --issuer https://idp.example --tenant acme --out alice.zip
  doorward privacy export --key 3fb3a2… --out alice/`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return errors.New("name --out, a file FILE.zip or a directory")
			}
			w := who.of(args)
			if w.Subject == "" && len(w.Keys) == 0 {
				return errors.New("name the person, or --key")
			}
			if err := r.notOurs(out); err != nil {
				return err
			}
			switch _, err := os.Lstat(out); {
			case err == nil:
				return failed(fmt.Errorf("%s is there already: name a new one", out))
			case !errors.Is(err, fs.ErrNotExist):
				return failed(err)
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				m, err := exportTo(filepath.Clean(out), func(to io.Writer) error { return op.Export(ctx, actor, w, to) })
				if err != nil {
					return err
				}
				return r.put(m, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "%d records and %d files in %s, signed by %s\n", m.records(), len(m.Files), out, m.Signer)
					return err
				})
			})
		},
	}
	who.bind(c.Flags())
	c.Flags().StringVarP(&out, "out", "o", "", "a new file FILE.zip or directory, for its owner alone")
	return c
}

// exportTo writes an export whole, or nothing, and reads it again.
func exportTo(out string, write func(io.Writer) error) (m exported, err error) {
	f, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+"-*") // 0600
	if err != nil {
		return m, err
	}
	left := f.Name()
	defer func() {
		if left != "" {
			err = errors.Join(err, os.Remove(left))
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return m, err
	}
	z, err := zip.OpenReader(left)
	if err != nil {
		return m, fmt.Errorf("what came is no whole file: %w", err)
	}
	defer func() { _ = z.Close() }()
	if m, err = checkExport(z, ""); err != nil {
		return m, err
	}
	if strings.HasSuffix(out, ".zip") {
		if err = os.Rename(left, out); err == nil {
			left = ""
		}
		return m, err
	}
	if err := os.Mkdir(out, 0o700); err != nil {
		return m, err
	}
	return m, os.CopyFS(out, z)
}

// exported is what a manifest says.
type exported struct {
	Version int           `json:"version"`
	Log     string        `json:"log"`
	Signer  string        `json:"signer"`
	Person  admin.Someone `json:"person"`
	Files   []struct {
		Name    string `json:"name"`
		SHA256  string `json:"sha256"`
		Bytes   int64  `json:"bytes"`
		Records int    `json:"records,omitempty"`
	} `json:"files"`
}

func (m *exported) records() int {
	for _, f := range m.Files {
		if f.Name == "records.jsonl" {
			return f.Records
		}
	}
	return 0
}

func (r *run) privacyCheck() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use: "check FILE", Short: "Verify an export: its signature and every file; exit 3 when it does not hold", Args: cobra.ExactArgs(1),
		Long: `Verify an export, a zip file or a directory: that every file is as the manifest says, that
there is no other, and that the manifest is signed. With --signer by that public key; without,
by the key that the manifest names, which proves that nothing was changed by whoever does not
have that key, and not whose it is. It exits 3 when it does not hold, and 1 when it cannot be read.`,
		Example: `  doorward privacy check alice.zip --signer 'doorward/1f2e3d4c5b6a7988+0a1b2c3d+AX…'`,
		RunE: func(_ *cobra.Command, args []string) error {
			if key != "" {
				if _, err := note.NewVerifier(key); err != nil {
					return failed(fmt.Errorf("--signer %q: %w", key, err))
				}
			}
			m, err := checkAt(args[0], key)
			if err != nil {
				return notHeld(err)
			}
			return r.put(m, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "good: %d files, %d records, signed by %s\n", len(m.Files), m.records(), m.Signer)
				return err
			})
		},
	}
	c.Flags().StringVar(&key, "signer", "", "public key of the log, as doorward audit verify shows it")
	return c
}

// notHeld tells an export that does not hold from one that cannot be read.
func notHeld(err error) error {
	if unread, ok := errors.AsType[*unreadError](err); ok {
		return failed(unread.error)
	}
	return &exit{code: exitFindings, err: err}
}

// unreadError is of an export that cannot be read.
type unreadError struct{ error }

func checkAt(path, key string) (exported, error) {
	info, err := os.Stat(path)
	if err != nil {
		return exported{}, &unreadError{err}
	}
	if info.IsDir() {
		return checkExport(os.DirFS(path), key)
	}
	f, err := durable.OpenNamed(path)
	if err != nil {
		return exported{}, &unreadError{err}
	}
	defer func() { _ = f.Close() }()
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
		if !errors.Is(err, zip.ErrFormat) && !errors.Is(err, zip.ErrAlgorithm) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			err = &unreadError{err}
		}
		return exported{}, err
	}
	return checkExport(z, key)
}

// checkExport holds the files of an export against its manifest, and that against its
// signature.
func checkExport(files fs.FS, key string) (m exported, err error) {
	text, err := readBounded(files, "manifest.json")
	if err != nil {
		return m, err
	}
	signature, err := readBounded(files, "manifest.note")
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("manifest.json: %w", err)
	}
	if key == "" {
		key = m.Signer
	}
	signer, err := note.NewVerifier(key)
	if err != nil {
		return m, fmt.Errorf("key %q: %w", key, err)
	}
	origin, _, err := audit.Attested(string(signature), audit.OfExport, sha256.Sum256(text), []note.Verifier{signer})
	if err != nil {
		return m, fmt.Errorf("manifest.note: %w", err)
	}
	if origin != m.Log {
		return m, errors.New("manifest.json: not of the log that signed it")
	}
	if m.Version != 1 || len(m.Files) > maxExported {
		return m, errors.New("manifest.json: not one of this version")
	}
	known := map[string]bool{"manifest.json": true, "manifest.note": true}
	for _, one := range m.Files {
		known[one.Name] = true
		if err := sameDigest(files, one.Name, one.SHA256); err != nil {
			return m, err
		}
	}
	return m, fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !known[path] {
			err = fmt.Errorf("%s is not in the manifest", path)
		}
		return err
	})
}

// openExported opens a file of an export. A pipe in its place is an error, and is not waited for.
func openExported(files fs.FS, name string) (fs.File, error) {
	info, err := fs.Stat(files, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	return files.Open(name)
}

func readBounded(files fs.FS, name string) ([]byte, error) {
	f, err := openExported(files, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(text) > maxManifest {
		err = fmt.Errorf("%s is longer than %d bytes", name, maxManifest)
	}
	return text, err
}

func sameDigest(files fs.FS, name, want string) error {
	f, err := openExported(files, name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != want {
		return fmt.Errorf("%s is not as the manifest says", name)
	}
	return nil
}
