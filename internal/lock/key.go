package lock

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"doorward/internal/durable"
)

// maxKey bounds the file of a private key, in bytes; one has about 120.
const maxKey = 16 << 10

// ReadKey reads the Ed25519 private key (PKCS #8, PEM) that lock files are signed
// with. A file that others may read is refused.
func ReadKey(path string) (ed25519.PrivateKey, error) {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key of lock files: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the key of lock files: %w", err)
	}
	const others fs.FileMode = 0o077
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&others != 0 {
		return nil, fmt.Errorf("%s has mode %#o: others may use the key; run chmod 600 %s", path, mode, path)
	}
	data, err := readAll(f, maxKey)
	if err != nil {
		return nil, fmt.Errorf("reading the key of lock files: %w", err)
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" || len(rest) > 0 {
		return nil, fmt.Errorf("%s is not one private key in PEM: make one with doorward trust keygen", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", path, err)
	}
	own, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is not an Ed25519 key", path)
	}
	return own, nil
}

// NewKey makes a key, writes it to a file that must not be there, in a directory
// that is made if it is not, and returns the
// line for trust.signers.
func NewKey(path string) (signer string, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("writing the key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("writing the key: %w", err)
	}
	_, err = f.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("writing the key: %w", errors.Join(err, os.Remove(path)))
	}
	return SignerText(public), nil
}
