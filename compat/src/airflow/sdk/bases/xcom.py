"""The base of XCom backends."""

from bide.authoring.xcom_backend import BaseXCom as BaseXCom
