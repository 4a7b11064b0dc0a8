package faults

import "github.com/seatrial/seatrial"

// AuditEntry is an entry of a cloud's audit log, in the JSON shape of Cloud
// Audit Logs' LogEntry, so that a team can try its own detection on a journal.
// Its time is the journal's.
type AuditEntry struct {
	LogName      string         `json:"logName"`
	Resource     AuditResource  `json:"resource"`
	Severity     string         `json:"severity"`
	ProtoPayload AuditPayload   `json:"protoPayload"`
	Operation    AuditOperation `json:"operation"`
}

// AuditResource is what an entry is about.
type AuditResource struct {
	Type   string            `json:"type"`
	Labels map[string]string `json:"labels"`
}

// AuditPayload is the AuditLog message of an entry.
type AuditPayload struct {
	Type               string            `json:"@type"`
	ServiceName        string            `json:"serviceName"`
	MethodName         string            `json:"methodName"`
	ResourceName       string            `json:"resourceName"`
	AuthenticationInfo map[string]string `json:"authenticationInfo"`
	Status             map[string]string `json:"status"`
}

// AuditOperation is the operation of an entry. First and Last are both true
// for an event that is a point in time.
type AuditOperation struct {
	Producer string `json:"producer"`
	First    bool   `json:"first"`
	Last     bool   `json:"last"`
}

// noteMigration writes one entry a node: a point in time without a duration,
// which is all that a live migration leaves behind.
func noteMigration(env seatrial.Env, nodes []seatrial.Node) {
	for _, n := range nodes {
		env.Note(seatrial.Event{
			Kind:     seatrial.KindAudit,
			Subject:  n.Name,
			Severity: seatrial.Info,
			Message:  "Instance migrated during Compute Engine maintenance.",
			Data:     migrationEntry(n.Name),
		})
	}
}

func migrationEntry(node string) AuditEntry {
	const method = "compute.instances.migrateOnHostMaintenance"
	return AuditEntry{
		LogName:  "projects/seatrial/logs/cloudaudit.googleapis.com%2Fsystem_event",
		Resource: AuditResource{Type: "gce_instance", Labels: map[string]string{"instance_id": node, "project_id": "seatrial", "zone": "seatrial"}},
		Severity: "INFO",
		ProtoPayload: AuditPayload{
			Type:               "type.googleapis.com/google.cloud.audit.AuditLog",
			ServiceName:        "compute.googleapis.com",
			MethodName:         method,
			ResourceName:       "projects/seatrial/zones/seatrial/instances/" + node,
			AuthenticationInfo: map[string]string{"principalEmail": "system@google.com"},
			Status:             map[string]string{"message": "Instance migrated during Compute Engine maintenance."},
		},
		Operation: AuditOperation{Producer: method, First: true, Last: true},
	}
}
