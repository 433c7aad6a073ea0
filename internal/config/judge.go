package config

import "time"

// Judge is a program or a model that is asked what it thinks.
type Judge struct {
	// URL that questions are posted to: https, or http on loopback. With a model, that of the chat completions of an OpenAI-compatible API.
	URL string `yaml:"url" type:"url"`
	// Model of an OpenAI-compatible API. Without one, the judge speaks Doorward's own contract.
	Model string `yaml:"model"`
	// Secret that is sent as a bearer token. None unless written.
	Secret string `yaml:"secret" type:"secret name"`
	// CA is the file with the certificates, PEM, that its certificate is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
	// Timeout of one question.
	Timeout Duration `yaml:"timeout"`
	// OnFailure says what no answer means: block, or ignore for a judge whose word is only wanted when there is one.
	OnFailure string `yaml:"on_failure" enum:"block ignore"`
}

func (j *Judge) setDefaults() { j.Timeout, j.OnFailure = Duration(2*time.Second), "block" }

// maxJudgeTimeout bounds how long a held call waits for a judge: clients give up
// after a minute.
const maxJudgeTimeout = Duration(30 * time.Second)

func (v *checker) judge() {
	j := v.c.Trust.Judge
	if j == nil {
		return
	}
	v.endpoint("trust.judge.url", j.URL)
	if j.Secret != "" {
		v.reference("trust.judge.secret", j.Secret)
	}
	v.line("trust.judge.model", j.Model, maxPurpose)
	if j.Timeout <= 0 || j.Timeout > maxJudgeTimeout {
		v.fault("trust.judge.timeout", "must be above zero and at most 30s")
	}
}
