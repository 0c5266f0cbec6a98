"""Configuration files of CC-Agency, as its documentation shows them."""

SEED_5 = """\
broker:
  external_url: "https://example.com/cc"
  auth:
    num_login_attempts: 3
    block_for_seconds: 30
    tokens_valid_for_seconds: 86400  # 24 h

controller:
  external_url: "tcp://127.0.0.1:6001"
  bind_host: "127.0.0.1"
  bind_port: 6001
  docker:
    core_image:
      url: "docker.io/curiouscontainers/cc-core:5.4.0"
      disable_pull: False
    nodes:
      node1:
        base_url: "tcp://192.168.0.100:2376"
        tls:
          verify: "/home/cc/.docker/machine/machines/node1/ca.pem"
          client_cert:
            - "/home/cc/.docker/machine/machines/node1/cert.pem"
            - "/home/cc/.docker/machine/machines/node1/key.pem"
          assert_hostname: False
        hardware:
          gpus:
            - id: 0
              vram: 1024
            - id: 1
      node2:
        base_url: "tcp://192.168.0.101:2375"
      node3:
        base_url: "unix://var/run/docker.sock"
  scheduling:
    strategy: 'binpack'
    attempts_to_fail: 3

mongo:
  db: "ccagency"
  username: "ccadmin"
  password: "SECRET-mongo"
"""

SMALLEST_93 = """\
broker:
  auth: {num_login_attempts: 3, block_for_seconds: 30, tokens_valid_for_seconds: 86400}
controller:
  bind_socket_path: "~/.cache/cc-agency-controller.sock"
  docker:
    allow_insecure_capabilities: false
    nodes:
      node1: {base_url: "tcp://192.168.0.100:2376", tls: {verify: "/home/cc/node1/ca.pem", \
client_cert: ["/home/cc/node1/cert.pem", "/home/cc/node1/key.pem"], assert_hostname: False}}
      node3: {base_url: "unix://var/run/docker.sock"}
trustee: {internal_url: "http://127.0.0.1:6001", username: "cctrustee", password: "SECRET-trustee"}
mongo: {db: "ccagency", username: "ccadmin", password: "SECRET-mongo"}
"""

EVERYTHING_93 = """\
broker:
  auth:
    num_login_attempts: 5
    block_for_seconds: 60
    tokens_valid_for_seconds: 3600
    jwt: {secret_key: "SECRET-jwt", access_token_expires: 900, refresh_token_expires: 43200}
controller:
  bind_socket_path: "~/.cache/cc-agency-controller.sock"
  docker:
    allow_insecure_capabilities: true
    image_prune_duration: 604800
    nodes:
      gpu_node:
        base_url: "unix:///run/docker.sock"
        network: "experiments"
        environment: {HTTP_PROXY: "http://u:SECRET-proxy@proxy:3128", LANG: "C.UTF-8"}
        hardware: {gpu_blacklist: [0, 2]}
  notification_hooks:
    - url: "https://hooks.example.org/SECRET-path"
      auth: {username: "me", password: "SECRET-hook"}
    - {url: "http://bob:SECRET%21url@10.0.0.7:8080/told"}
    - {url: "https://plain.example.org/x?y=1"}
trustee: {internal_url: "http://127.0.0.1:6001", username: "cctrustee", password: "SECRET-trustee"}
mongo: {db: "ccagency", username: "ccadmin", password: "SECRET-mongo", host: "db", port: 27018}
cloud:
  enable: true
  internal_url: "http://127.0.0.1:6002"
  username: "cloud"
  password: "SECRET-cloud"
  sshPort: 22
  disableStrictHostKeyChecking: true
  publicsshKey: "ssh-rsa AAAA"
  upload_directory_name: "cloud"
  userhome_directory: "/home"
  filesystem_directory: "/fs"
  user_storage_limit: 1000
"""
