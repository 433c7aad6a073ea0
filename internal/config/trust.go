package config

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"fmt"
)

// Findings is what follows from what is found in a definition, by how grave it is.
type Findings struct {
	// High is hidden text, or text that makes the model act against its user. block withholds the definition, also when it is approved, until a person names the rule (doorward trust approve --accept); hold lets a person alone approve it, by its name; warn shows it.
	High string `yaml:"high" enum:"block hold warn"`
	// Medium is what a person should look at.
	Medium string `yaml:"medium" enum:"block hold warn"`
	// Low is a remark.
	Low string `yaml:"low" enum:"block hold warn"`
}

// maxSigners bounds trust.signers.
const maxSigners = 64

func (v *checker) trust() {
	t := &v.c.Trust
	if t.Lock == "" {
		v.fault("trust.lock", "must name a file")
	}
	if len(t.Signers) > maxSigners {
		v.fault("trust.signers", "has more than %d entries", maxSigners)
	}
	for i, s := range t.Signers {
		der, err := base64.StdEncoding.Strict().DecodeString(s)
		key, _ := x509.ParsePKIXPublicKey(der)
		if _, ok := key.(ed25519.PublicKey); err != nil || !ok {
			v.fault(fmt.Sprintf("trust.signers[%d]", i), "must be an Ed25519 public key: the line that doorward trust keygen prints")
		}
	}
	if len(t.Signers) > 0 && t.Signing == "" && t.FirstUse == "approve" {
		v.fault("trust.first_use", "cannot be approve where approvals must be signed and trust.signing names no key")
	}
}
