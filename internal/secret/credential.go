package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// credentialsVariable is where systemd says in which directory a unit's credentials are
// (systemd.exec(5), "Credentials").
const credentialsVariable = "CREDENTIALS_DIRECTORY"

// credentialShut are the permission bits that a credential must not have. systemd lets a
// unit's user read one by an access list, whose mask shows as the group's bit to read;
// the group is root's.
const credentialShut fs.FileMode = 0o037

// credential makes an entry that of a file that systemd made for this unit
// (LoadCredential=, LoadCredentialEncrypted=, SetCredential=).
func (p Places) credential(e *entry, name string) error {
	if !goodCredential(name) {
		return errors.New("systemd: must be followed by a credential's name: a file's name of at most 255 bytes, without a colon")
	}
	dir := ""
	if p.Environ != nil {
		dir, _ = p.Environ(credentialsVariable)
	}
	if dir == "" {
		e.noun = "the credential " + name
		e.read = func(string, bool) (Reading, error) {
			return Reading{}, fmt.Errorf("%w: %s is not set: start Doorward by a unit with LoadCredential=%s:PATH", ErrAbsent, credentialsVariable, name)
		}
		return nil
	}
	if err := closed(dir); err != nil {
		return fmt.Errorf("the directory of credentials %s %w", dir, err)
	}
	path := filepath.Join(dir, name)
	e.noun, e.read = "the credential "+path, (&file{path: path, shut: credentialShut & openTo}).read
	return nil
}

// closed refuses a directory in which others could put or read a credential.
func closed(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return plainly(err)
	case !filepath.IsAbs(dir) || !info.IsDir():
		return errors.New("is no directory by an absolute path")
	case info.Mode().Perm()&(credentialShut&^0o010)&openTo != 0: // to enter a directory is to execute it
		return fmt.Errorf("is open to others (mode %04o)", info.Mode().Perm())
	case !ours(info):
		return errors.New("belongs to another user")
	}
	return nil
}

// goodCredential tells whether a credential of systemd may have this name.
func goodCredential(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255 &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r == ':' || r < ' ' || r == 0x7f || r == filepath.Separator })
}
