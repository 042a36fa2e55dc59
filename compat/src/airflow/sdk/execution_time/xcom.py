"""XComs."""

from bide.authoring.xcom_backend import BaseXCom as XCom

__all__ = ("XCom",)
