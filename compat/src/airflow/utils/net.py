"""The machine."""

from socket import getfqdn as getfqdn

from bide.standard.machine import get_host_ip_address as get_host_ip_address
from bide.standard.machine import get_hostname as get_hostname
