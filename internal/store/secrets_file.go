package store

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"doorward/internal/durable"
	"doorward/internal/envelope"
)

// The files in the data directory.
const (
	secretsName    = "secrets.json"
	secretsLock    = "secrets.lock"
	secretsVersion = 1
)

// Wrapper seals keys under a root key.
type Wrapper interface {
	Wrap(key, bound []byte) ([]byte, error)
	Unwrap(wrapped, bound []byte) ([]byte, error)
}

// secretsFile is the content of secrets.json. Names and times are in the clear; the MAC
// is over all of it, so that nothing can be taken out or put back one by one.
type secretsFile struct {
	Version int            `json:"version"`
	MACKey  []byte         `json:"mac_key"` // wrapped under the root key
	MAC     []byte         `json:"mac"`     // HMAC-SHA256 of the file as JSON without it
	Secrets []sealedSecret `json:"secrets"`
}

// sealedSecret is one secret, its newest version first: one or two.
type sealedSecret struct {
	Name     string          `json:"name"`
	Versions []sealedVersion `json:"versions"`
}

type sealedVersion struct {
	Created time.Time `json:"created"`
	Ends    time.Time `json:"ends,omitzero"`
	Key     []byte    `json:"key"`   // wrapped under the root key, bound to name and time
	Value   []byte    `json:"value"` // sealed with that key, bound to the same
}

// versionBound is what a version is sealed to.
func versionBound(name string, created time.Time) []byte {
	return []byte("doorward secret 1\x00" + name + "\x00" + created.UTC().Format(time.RFC3339Nano))
}

// macBound is what the key of the MAC is sealed to.
func macBound() []byte { return []byte("doorward secrets mac 1") }

func newSecretsFile(root Wrapper) (*secretsFile, error) {
	wrapped, err := root.Wrap(envelope.NewKey(), macBound())
	return &secretsFile{Version: secretsVersion, MACKey: wrapped, Secrets: []sealedSecret{}}, err
}

// readSecrets reads the file, and nothing in it yet. A missing one is fs.ErrNotExist.
func readSecrets(path string) (*secretsFile, fs.FileInfo, error) {
	content, info, err := readPrivate(path, maxSecretsFile)
	if err != nil {
		return nil, nil, fmt.Errorf("reading secrets: %w", err)
	}
	f, err := parseSecrets(content)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return f, info, nil
}

// parseSecrets decodes the file strictly. Its errors quote nothing of it.
func parseSecrets(content []byte) (*secretsFile, error) {
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	var f secretsFile
	if err := dec.Decode(&f); err != nil {
		return nil, errors.New("it is no file of secrets")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("bytes after the end")
	}
	if f.Version != secretsVersion || len(f.Secrets) > maxSecrets {
		return nil, fmt.Errorf("version %d with %d secrets; this program knows version %d with at most %d", f.Version, len(f.Secrets), secretsVersion, maxSecrets)
	}
	seen := make(map[string]bool, len(f.Secrets))
	for i, e := range f.Secrets {
		if checkName("secret's name", e.Name) != nil || seen[e.Name] || len(e.Versions) < 1 || len(e.Versions) > 2 {
			return nil, fmt.Errorf("secret %d: a name that is wrong or doubled, or not one or two versions", i+1)
		}
		seen[e.Name] = true
	}
	return &f, nil
}

// entry is a secret of the file, a new one when there is none.
func (f *secretsFile) entry(name string) *sealedSecret {
	for i := range f.Secrets {
		if f.Secrets[i].Name == name {
			return &f.Secrets[i]
		}
	}
	f.Secrets = append(f.Secrets, sealedSecret{Name: name})
	return &f.Secrets[len(f.Secrets)-1]
}

// check holds the file against its MAC.
func (f *secretsFile) check(root Wrapper) error {
	want, err := f.mac(root)
	if err != nil {
		return err
	}
	if !hmac.Equal(want, f.MAC) {
		return errors.New("somebody else has changed it: restore it from a backup, or remove it and set every secret again")
	}
	return nil
}

func (f *secretsFile) mac(root Wrapper) ([]byte, error) {
	key, err := root.Unwrap(f.MACKey, macBound())
	if err != nil {
		return nil, fmt.Errorf("the root key does not open it: %w", err)
	}
	bare := *f
	bare.MAC = nil
	text, err := json.Marshal(bare)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write(text) // hash.Hash: never an error
	return mac.Sum(nil), nil
}

// open is every secret of a file that is as it was written.
func (f *secretsFile) open(root Wrapper) (map[string][]SecretVersion, error) {
	if err := f.check(root); err != nil {
		return nil, err
	}
	return f.texts(root)
}

func (f *secretsFile) texts(root Wrapper) (map[string][]SecretVersion, error) {
	out := make(map[string][]SecretVersion, len(f.Secrets))
	for _, e := range f.Secrets {
		for _, v := range e.Versions {
			bound := versionBound(e.Name, v.Created)
			key, err := root.Unwrap(v.Key, bound)
			if err != nil {
				return nil, fmt.Errorf("the key of secret %s: %w", e.Name, err)
			}
			text, err := envelope.Open(key, v.Value, bound)
			if err != nil {
				return nil, fmt.Errorf("secret %s: %w", e.Name, err)
			}
			out[e.Name] = append(out[e.Name], SecretVersion{Text: string(text), Created: v.Created, Ends: v.Ends})
		}
	}
	return out, nil
}

// rewrap seals every key under the newest root key.
func (f *secretsFile) rewrap(root Wrapper) error {
	again := func(wrapped, bound []byte) ([]byte, error) {
		key, err := root.Unwrap(wrapped, bound)
		if err != nil {
			return nil, err
		}
		return root.Wrap(key, bound)
	}
	var err error
	if f.MACKey, err = again(f.MACKey, macBound()); err != nil {
		return err
	}
	for i := range f.Secrets {
		e := &f.Secrets[i]
		for j := range e.Versions {
			v := &e.Versions[j]
			if v.Key, err = again(v.Key, versionBound(e.Name, v.Created)); err != nil {
				return fmt.Errorf("the key of secret %s: %w", e.Name, err)
			}
		}
	}
	return nil
}

func (f *secretsFile) write(path string, root Wrapper) error {
	var err error
	if f.MAC, err = f.mac(root); err != nil {
		return err
	}
	content, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if len(content) > maxSecretsFile {
		return fmt.Errorf("all secrets together have more than %d bytes", maxSecretsFile)
	}
	return durable.Replace(path, content)
}

// sealVersion seals a value with a new key, and that under the root key.
func sealVersion(root Wrapper, name, text string, created time.Time) (sealedVersion, error) {
	key, bound := envelope.NewKey(), versionBound(name, created)
	wrapped, err := root.Wrap(key, bound)
	if err != nil {
		return sealedVersion{}, err
	}
	value, err := envelope.Seal(key, []byte(text), bound)
	return sealedVersion{Created: created, Key: wrapped, Value: value}, err
}
