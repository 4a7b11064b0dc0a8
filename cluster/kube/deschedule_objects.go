package kube

import (
	"context"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The objects of a run of the descheduler all have the Job's name. They carry
// [AppliedLabel] so that Reset removes what a lost ledger has forgotten.

// kept is how long a Job that is over stays when nobody removes it.
const kept = 10 * time.Minute

func (d descheduling) meta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: d.a.Job(), Labels: map[string]string{
		"app.kubernetes.io/managed-by": "seatrial", "app.kubernetes.io/name": "seatrial-descheduler", AppliedLabel: "true"}}
}

// create makes the objects, the Job last.
func (d descheduling) create(ctx context.Context, policy, image string) error {
	rbac, core, options := d.client.RbacV1(), d.client.CoreV1(), metav1.CreateOptions{FieldManager: fieldManager}
	if _, err := rbac.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: d.meta(), Rules: deschedulerRules}, options); err != nil {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: d.meta(),
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: d.a.Job()},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: metav1.NamespaceSystem, Name: d.a.Job()}}}
	if _, err := rbac.ClusterRoleBindings().Create(ctx, binding, options); err != nil {
		return err
	}
	if _, err := core.ServiceAccounts(metav1.NamespaceSystem).Create(ctx, &corev1.ServiceAccount{ObjectMeta: d.meta()}, options); err != nil {
		return err
	}
	config := &corev1.ConfigMap{ObjectMeta: d.meta(), Data: map[string]string{policyFile: policy}}
	if _, err := core.ConfigMaps(metav1.NamespaceSystem).Create(ctx, config, options); err != nil {
		return err
	}
	_, err := d.client.BatchV1().Jobs(metav1.NamespaceSystem).Create(ctx, d.job(image), options)
	return err
}

// deschedulerKind is a kind of object of a run.
type deschedulerKind struct {
	name   string
	delete func(ctx context.Context, name string, o metav1.DeleteOptions) error
}

// kinds are those of create, the Job first: without its rights it would fail.
func (d descheduling) kinds() []deschedulerKind {
	rbac, core := d.client.RbacV1(), d.client.CoreV1()
	return []deschedulerKind{
		{"job", d.client.BatchV1().Jobs(metav1.NamespaceSystem).Delete},
		{"configmap", core.ConfigMaps(metav1.NamespaceSystem).Delete},
		{"serviceaccount", core.ServiceAccounts(metav1.NamespaceSystem).Delete},
		{"clusterrolebinding", rbac.ClusterRoleBindings().Delete},
		{"clusterrole", rbac.ClusterRoles().Delete},
	}
}

// deschedulerRules are those of the descheduler's kubernetes/base/rbac.yaml,
// without what only other options need.
var deschedulerRules = []rbacv1.PolicyRule{
	{APIGroups: []string{"events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create", "update"}},
	{APIGroups: []string{""}, Resources: []string{"nodes", "namespaces", "pods", "persistentvolumeclaims"}, Verbs: []string{"get", "watch", "list"}},
	{APIGroups: []string{""}, Resources: []string{"pods/eviction"}, Verbs: []string{"create"}},
	{APIGroups: []string{"scheduling.k8s.io"}, Resources: []string{"priorityclasses"}, Verbs: []string{"get", "watch", "list"}},
	{APIGroups: []string{"policy"}, Resources: []string{"poddisruptionbudgets"}, Verbs: []string{"get", "watch", "list"}},
}

const (
	policyFolder = "/policy"
	policyFile   = "policy.yaml"
)

// job runs once, and ends by itself.
func (d descheduling) job(image string) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: d.meta(), Spec: batchv1.JobSpec{
		BackoffLimit:            new(int32(0)),
		ActiveDeadlineSeconds:   new(int64((d.a.Expires + time.Second - 1) / time.Second)),
		TTLSecondsAfterFinished: new(int32(kept / time.Second)),
		Template:                corev1.PodTemplateSpec{Spec: d.pod(image)},
	}}
}

// pod runs on the control plane's node where there is one, so that the run costs
// no worker its CPU and counts for none.
func (d descheduling) pod(image string) corev1.PodSpec {
	spec := corev1.PodSpec{
		RestartPolicy:      corev1.RestartPolicyNever,
		ServiceAccountName: d.a.Job(),
		PriorityClassName:  "system-cluster-critical", // it must not evict itself
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), RunAsUser: new(int64(65532)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Volumes: []corev1.Volume{{Name: "policy", VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: d.a.Job()}}}}},
		Containers: []corev1.Container{{
			Name: "descheduler", Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
			// Verbosity 1 names each eviction. Without an interval it runs once.
			Command:      []string{"/descheduler", "--policy-config-file=" + policyFolder + "/" + policyFile, "--v=1", "--secure-port=0"},
			VolumeMounts: []corev1.VolumeMount{{Name: "policy", MountPath: policyFolder}},
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")}},
			SecurityContext: &corev1.SecurityContext{
				ReadOnlyRootFilesystem: new(true), AllowPrivilegeEscalation: new(false),
				Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}},
	}
	for _, n := range d.cache.nodes() {
		if _, control := n.Labels[controlPlane]; control {
			spec.NodeSelector = map[string]string{controlPlane: ""}
			spec.Tolerations = []corev1.Toleration{{Key: controlPlane, Operator: corev1.TolerationOpExists}}
		}
	}
	return spec
}
