package config

import (
	"strings"
	"time"
)

// Vault says how HashiCorp Vault or OpenBao is reached, for secrets with from: vault:….
type Vault struct {
	// Address of Vault: https, or http on loopback.
	Address string `yaml:"address" type:"url"`
	// CA is the file with the certificates, PEM, that its certificate is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
	// Namespace of everything that is asked for. None unless written.
	Namespace string `yaml:"namespace"`
	// Auth is how Doorward proves who it is: one of its methods.
	Auth VaultAuth `yaml:"auth"`
	// Lease is how long a value of a key-value engine counts when Vault does not answer; it is read again six times in that time. What Vault makes for a lease counts for that.
	Lease Duration `yaml:"lease"`
}

// VaultAuth is a method of proving who Doorward is.
type VaultAuth struct {
	// TokenFile holds a token that somebody else renews, such as Vault's agent. It is read at each use.
	TokenFile string `yaml:"token_file" type:"path"`
	// AppRole logs in with a role and a secret id.
	AppRole *VaultAppRole `yaml:"approle"`
	// Kubernetes logs in with the token of a service account.
	Kubernetes *VaultKubernetes `yaml:"kubernetes"`
}

// VaultAppRole is a login by AppRole.
type VaultAppRole struct {
	// RoleID of the role.
	RoleID string `yaml:"role_id"`
	// SecretIDFile holds the secret id. It is read at each login.
	SecretIDFile string `yaml:"secret_id_file" type:"path"`
	// Mount is where the method is.
	Mount string `yaml:"mount"`
}

// VaultKubernetes is a login by the token of a service account.
type VaultKubernetes struct {
	// Role that Vault has for it.
	Role string `yaml:"role"`
	// TokenPath is where the token is. It is read at each login.
	TokenPath string `yaml:"token_path" type:"path"`
	// Mount is where the method is.
	Mount string `yaml:"mount"`
}

// Bounds of a lease that Vault does not give.
const (
	minVaultLease = Duration(6 * time.Second)
	maxVaultLease = Duration(24 * time.Hour)
)

func (a *VaultAppRole) setDefaults() { a.Mount = "approle" }

func (k *VaultKubernetes) setDefaults() {
	k.Mount, k.TokenPath = "kubernetes", "/var/run/secrets/kubernetes.io/serviceaccount/token"
}

// paths are those of files.
func (a *Vault) paths() []*string {
	out := []*string{&a.CA, &a.Auth.TokenFile}
	if a.Auth.AppRole != nil {
		out = append(out, &a.Auth.AppRole.SecretIDFile)
	}
	if a.Auth.Kubernetes != nil {
		out = append(out, &a.Auth.Kubernetes.TokenPath)
	}
	return out
}

// vault checks how Vault is reached, where it is.
func (v *checker) vault() {
	a := &v.c.Vault
	if a.Address == "" {
		if a.CA != "" || a.Namespace != "" || a.Auth != (VaultAuth{}) {
			v.fault("vault.address", "must be written")
		}
		return
	}
	v.endpoint("vault.address", a.Address)
	if strings.ContainsFunc(a.Namespace, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		v.fault("vault.namespace", "must be the path of a namespace")
	}
	if a.Lease < minVaultLease || a.Lease > maxVaultLease {
		v.fault("vault.lease", "must be %s to %s", minVaultLease, maxVaultLease)
	}
	methods := 0
	if a.Auth.TokenFile != "" {
		methods++
	}
	if r := a.Auth.AppRole; r != nil {
		methods++
		if r.RoleID == "" || r.SecretIDFile == "" || !goodMount(r.Mount) {
			v.fault("vault.auth.approle", "needs role_id, secret_id_file and a mount")
		}
	}
	if k := a.Auth.Kubernetes; k != nil {
		methods++
		if k.Role == "" || k.TokenPath == "" || !goodMount(k.Mount) {
			v.fault("vault.auth.kubernetes", "needs role, token_path and a mount")
		}
	}
	if methods != 1 {
		v.fault("vault.auth", "needs one of token_file, approle and kubernetes")
	}
}

// goodMount tells whether an engine or a method may be mounted there.
func goodMount(mount string) bool { return goodVaultPath(mount + "/x") }

// goodVaultPath tells whether a path of Vault is one, without what a URL would read
// otherwise.
func goodVaultPath(path string) bool {
	if len(path) > 1024 || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '?' || r == '%' || r == '#' }) {
		return false
	}
	parts := strings.Split(path, "/")
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return len(parts) > 1
}

// inTransit checks a reference to a key of the transit engine.
func (v *checker) inTransit(where string) {
	switch {
	case !goodVaultPath(where):
		v.fault("secret_store.root", "transit: must be followed by MOUNT/KEY")
	case v.c.Vault.Address == "":
		v.fault("secret_store.root", "needs vault.address and vault.auth")
	}
}

// inVault checks a reference to a field of a secret in Vault.
func (v *checker) inVault(path, where string) {
	at, field, ok := strings.Cut(where, "#")
	switch {
	case !ok || field == "" || strings.Contains(field, "#") || !goodVaultPath(at):
		v.fault(path, "vault: must be followed by MOUNT/PATH#FIELD")
	case v.c.Vault.Address == "":
		v.fault(path, "needs vault.address and vault.auth")
	}
}
