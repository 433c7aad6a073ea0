package mapping

func identity() Feature {
	return Feature{"who calls is proved: API keys, tokens, certificates, signed requests", "how-to/accept-tokens.md", "doorward key list"}
}

func roles() Feature {
	return Feature{"roles allow tools and arguments; what none allows is refused", "how-to/write-a-policy.md", "doorward config show"}
}

func refusals() Feature {
	return Feature{"arguments are held to schema and rules; every refusal is on record", "reference/rules.md", "doorward audit search --status refused"}
}

func limits() Feature {
	return Feature{"how often, how much and for how much is bounded by address, caller, tool and more, on all gateways together", "reference/limits.md", "doorward audit search --status refused"}
}

func pins() Feature {
	return Feature{"definitions are pinned; what changed is held until a person decides", "how-to/review-a-change.md", "doorward trust list"}
}

func signedPins() Feature {
	return Feature{"the lock file is signed", "reference/lock-file.md", "doorward trust verify"}
}

func confined() Feature {
	return Feature{"servers that are commands run in a sandbox, without a network but to named places", "how-to/confine-commands.md", "doorward sandbox plan UPSTREAM"}
}

func approvals() Feature {
	return Feature{"a person approves calls before they are made", "how-to/approve-calls.md", "doorward audit search --event approval.grant"}
}

func flows() Feature {
	return Feature{"what was read decides what may follow", "how-to/control-flows.md", "doorward audit search --code flow.blocked"}
}

func inspection() Feature {
	return Feature{"calls and results are inspected for instructions, secrets and personal data", "how-to/inspect-calls-and-results.md", "doorward audit search --findings"}
}

func secrets() Feature {
	return Feature{"credentials stay with the gateway; their ages are watched", "how-to/read-the-security-figures.md", "doorward incident stats"}
}

func record() Feature {
	return Feature{"every call is on a hash-chained, signed record before it is made", "how-to/verify-the-audit-log.md", "doorward audit verify"}
}

func copies() Feature {
	return Feature{"the record is copied elsewhere as it is written", "how-to/ship-the-record.md", "doorward audit search --event audit.sink_failed"}
}

func traces() Feature {
	return Feature{"traces and metrics go to a collector, and records have their ids", "how-to/send-traces.md", "doorward audit search --trace ID"}
}

func alerts() Feature {
	return Feature{"what is recorded is watched, and people are told", "how-to/watch-and-alert.md", "doorward audit search --event alert.raised"}
}

func incidents() Feature {
	return Feature{"who or what does harm is suspended at once, and it is on record", "how-to/respond-to-an-incident.md", "doorward incident list"}
}

func bundles() Feature {
	return Feature{"an incident's report and signed evidence, and who was told when", "how-to/review-an-incident.md", "doorward audit search --event incident.notify"}
}

func drills() Feature {
	return Feature{"the response is exercised", "how-to/review-an-incident.md", "doorward incident drill"}
}

func stats() Feature {
	return Feature{"four security figures from the record", "how-to/read-the-security-figures.md", "doorward incident stats --since 30d"}
}

func retention() Feature {
	return Feature{"records are kept for a time by class, and then pruned; legal holds", "how-to/keep-and-delete.md", "doorward privacy retain"}
}

func erasure() Feature {
	return Feature{"a person's key is destroyed, and the chain holds", "how-to/erase-a-person.md", "doorward audit search --event privacy.erase"}
}

func access() Feature {
	return Feature{"what is on record of a person is given to them, signed, without others' data", "how-to/answer-a-data-subject.md", "doorward audit search --event privacy.export"}
}

func rectification() Feature {
	return Feature{"what is wrong of a person on record is put right beside it", "how-to/answer-a-data-subject.md", "doorward audit search --event privacy.rectify"}
}

func register() Feature {
	return Feature{"records of processing, from the configuration", "how-to/answer-a-data-subject.md", "doorward privacy register"}
}

func breaches() Feature {
	return Feature{"whose data a key, session or address could touch", "how-to/answer-a-data-subject.md", "doorward privacy breach --address 192.0.2.0/24"}
}

func sealing() Feature {
	return Feature{"persons and arguments are sealed in the record; opening them is on record", "reference/audit-log.md", "doorward audit search --event audit.open"}
}

func changes() Feature {
	return Feature{"each configuration that came into force is on record", "reference/audit-log.md", "doorward audit search --event config.reload"}
}

func production() Feature {
	return Feature{"the production checklist, with what was seen", "how-to/check-before-production.md", "doorward check"}
}

func inventory() Feature {
	return Feature{"what the clients of a machine use is listed and looked at", "how-to/scan-clients.md", "doorward scan"}
}

func disclosure() Feature {
	return Feature{"results say that they came through an AI tool gateway", "how-to/disclose-ai-mediation.md", "doorward config show"}
}

func signedRequests() Feature {
	return Feature{"requests are signed, expire, and are good once", "how-to/sign-requests.md", "doorward audit search --code identity.invalid"}
}
